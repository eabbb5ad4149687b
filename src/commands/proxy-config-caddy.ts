import { hostPort } from '../http/address.ts';
import type { ProxyConfigOptions } from './proxy-config-options.ts';
import { comment, NO_HSTS, notesOn, preamble, SECURITY_HEADERS } from './proxy-config-preamble.ts';
import type { Upstream } from './proxy-config-upstreams.ts';

/** A whole Caddyfile, for Caddy 2.6 or later without further modules. Ends with a newline. */
export function renderCaddy(options: ProxyConfigOptions, upstreams: readonly Upstream[]): string {
  const howTo = {
    key: 'its private key, which the user caddy may read',
    users: [
      `printf 'prometheus %s\\n' "$(caddy hash-password)" >>${options.users}`,
      `chown root:caddy ${options.users} && chmod 640 ${options.users}`,
    ],
  };
  return `${preamble(options, upstreams, howTo)}
#
# Caddy without further modules limits neither the rate nor the connections of a client. Where strangers can reach it, let
# agentcol look at passwords (exporters::prometheus::auth with the extension basicauth): it holds down those who guess, by the
# client's address. Then write this file anew: it passes what clients show on.
{
	# Otherwise every process on this machine may change all of this at port 2019. New certificates need a restart.
	admin off
	# The certificate is given: nothing is asked for, and nothing listens on port 80.
	auto_https off
	# For clients that connect to an address instead of a name.
	default_sni ${options.serverName}
	servers {
		protocols h1
		max_header_size 8KB
		timeouts {
			read_header 5s
			read_body 5s
			write 30s
			# Longer than most scrape intervals, so that Prometheus keeps its connection.
			idle 75s
		}
	}
}

https://:${options.port} {
${options.address === undefined ? '' : `\tbind ${options.address}\n`}	tls ${options.certificate} ${options.certificateKey} {
		protocols tls1.2 tls1.3
	}

	# No request has a body.
	request_body {
		max_size 1
	}

	# All that is sent is text. Compressing is done here: between agentcol and Caddy it is not worth its time.
	encode {
		gzip
		match {
			header Content-Type application/openmetrics-text*
			header Content-Type text/plain*
		}
	}

	# ${NO_HSTS}
	header {
${SECURITY_HEADERS.map(([name, value]) => `\t\t${name} "${value}"`).join('\n')}
	}

${upstreams.map((upstream) => site(upstream, options.users)).join('\n\n')}

	handle {
		respond 404
	}
}
`;
}

function site(upstream: Upstream, users: string): string {
  const { name, path, authenticator } = upstream;
  const access =
    authenticator === undefined
      ? `		# Since Caddy 2.8 also called basic_auth.
		basicauth {
			import ${users}
		}`
      : `		# ${authenticator} of agentcol looks at passwords, and holds down those who guess, by address.`;
  const notes = notesOn(upstream);
  return `	@${name} {
		path_regexp ^${path}$
		method GET HEAD
	}
	handle @${name} {
${access}
		rewrite * /metrics
${notes.length === 0 ? '' : `${comment(notes, '\t\t')}\n`}		reverse_proxy ${dial(upstream)} {
			# A name that agentcol always answers to.
			header_up Host localhost
${authenticator === undefined ? '\t\t\theader_up -Authorization\n' : ''}${SECURITY_HEADERS.map(([name]) => `\t\t\theader_down -${name}\n`).join('')}			transport http {
				dial_timeout 2s
				response_header_timeout 10s
				# agentcol closes what is silent for longer than 75s.
				keepalive 60s
				compression off
${upstream.scheme === 'https' ? '\t\t\t\ttls_insecure_skip_verify\n' : ''}			}
		}
	}`;
}

function dial({ endpoint, scheme }: Upstream): string {
  if (endpoint.kind === 'unix') return `unix/${endpoint.path}`;
  return `${scheme === 'https' ? 'https://' : ''}${hostPort(endpoint.host, endpoint.port)}`;
}
