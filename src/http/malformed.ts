import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A request that is none, too large or too slow: a bare status line, nothing about us, and the connection is closed. */
export function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = statusLine(error.code ?? '');
  // Where a reply has begun, a status line in its middle would be read as part of it.
  if (status === undefined || !(socket instanceof Socket) || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

/** undefined: there is nobody to tell, because the client has gone or does not speak TLS. */
function statusLine(code: string): string | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return code.startsWith('HPE_') ? '400 Bad Request' : undefined;
}
