import { hostPort } from '../http/address.ts';
import type { ProxyConfigOptions } from './proxy-config-options.ts';
import { addressOf, comment, NO_HSTS, notesOn, preamble, SECURITY_HEADERS } from './proxy-config-preamble.ts';
import type { Upstream } from './proxy-config-upstreams.ts';

/** A file for the http block of nginx (1.18 or later): /etc/nginx/conf.d/agentcol.conf. Ends with a newline. */
export function renderNginx(options: ProxyConfigOptions, upstreams: readonly Upstream[]): string {
  const howTo = {
    key: 'its private key, which only root reads',
    users: [
      `printf 'prometheus:%s\\n' "$(openssl passwd -6)" >>${options.users}`,
      `chown root:www-data ${options.users} && chmod 640 ${options.users}`,
    ],
  };
  return `${preamble(options, upstreams, howTo)}

${upstreams.map(upstreamBlock).join('\n\n')}

# Of each client address: two requests a second, ten at once; eight under way. More are answered by 429.
limit_req_zone $binary_remote_addr zone=agentcol_requests:1m rate=2r/s;
limit_conn_zone $binary_remote_addr zone=agentcol_connections:1m;

server {
${listen(options)}
    server_name ${options.serverName};
    server_tokens off;

    ssl_certificate ${options.certificate};
    ssl_certificate_key ${options.certificateKey};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    ssl_session_cache shared:agentcol:1m;
    ssl_session_tickets off;

    limit_req zone=agentcol_requests burst=10 nodelay;
    limit_req_status 429;
    limit_conn agentcol_connections 8;
    limit_conn_status 429;

    # No request has a body: more than one byte is 413. (0 would be no limit at all.)
    client_max_body_size 1;
    large_client_header_buffers 4 4k;
    client_header_timeout 5s;
    client_body_timeout 5s;
    send_timeout 10s;
    # Longer than most scrape intervals, so that Prometheus keeps its connection.
    keepalive_timeout 75s;

    # All that is sent is text. Compressing is done here: between agentcol and nginx it is not worth its time.
    gzip on;
    gzip_types *;
    gzip_proxied any;

    # ${NO_HSTS}
${SECURITY_HEADERS.map(([name, value]) => `    add_header ${name} "${value}" always;`).join('\n')}
${SECURITY_HEADERS.map(([name]) => `    proxy_hide_header ${name};`).join('\n')}

    proxy_http_version 1.1;
    proxy_connect_timeout 2s;
    proxy_send_timeout 5s;
    proxy_read_timeout 10s;
    # What agentcol says is never written to a disk.
    proxy_max_temp_file_size 0;
    proxy_pass_request_body off;

${upstreams.map((upstream) => location(upstream, options.users)).join('\n\n')}

    location / {
        return 404;
    }
}
`;
}

function upstreamBlock(upstream: Upstream): string {
  const notes = notesOn(upstream);
  return [
    ...(notes.length === 0 ? [] : [comment(notes)]),
    `upstream ${upstream.name} {`,
    `    server ${addressOf(upstream)};`,
    '    keepalive 8;',
    '}',
  ].join('\n');
}

function listen({ address, port }: ProxyConfigOptions): string {
  if (address !== undefined) return `    listen ${hostPort(address, port)} ssl;`;
  return `    listen ${port} ssl;\n    # Without IPv6, remove this line.\n    listen [::]:${port} ssl;`;
}

function location({ name, path, scheme, authenticator }: Upstream, users: string): string {
  const access =
    authenticator === undefined
      ? `auth_basic agentcol;
        auth_basic_user_file ${users};
        proxy_set_header Authorization "";`
      : `# ${authenticator} of agentcol looks at passwords, and holds down those who guess, by address.
        proxy_set_header Authorization $http_authorization;`;
  return `    location = ${path} {
        if ($request_method !~ "^(GET|HEAD)$") {
            return 404;
        }
        ${access}
        # A name that agentcol always answers to; of the address, what the client itself says is left out.
        proxy_set_header Host localhost;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Connection "";
        proxy_set_header Content-Length "";
        proxy_pass ${scheme}://${name}/metrics;
    }`;
}
