import { createServer, Socket, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { Connections } from '../../src/http/connections.ts';

/** Of a server that does not listen. */
function connectionsOf(server: Server): Connections {
  return new Connections(server, 8, false);
}

/** As if they had all come within one turn of the event loop. */
function come(server: Server, count: number): readonly Socket[] {
  const sockets = Array.from({ length: count }, () => new Socket());
  for (const socket of sockets) server.emit('connection', socket);
  return sockets;
}

test('those that come faster than they can be heard close the longest waiting, never the last that came', () => {
  const server = createServer();
  const connections = connectionsOf(server);
  const sockets = come(server, 5_000);
  const open = sockets.filter(({ destroyed }) => !destroyed);
  // The server lets in one more, to be looked at.
  expect(open).toEqual(sockets.slice(1 - server.maxConnections));
  connections.closeAll();
  expect(open.every(({ destroyed }) => destroyed)).toBe(true);
});

test('one with an answer under way stays when others come by the thousand', () => {
  const server = createServer();
  const connections = connectionsOf(server);
  const [asking] = come(server, 1);
  if (asking !== undefined) connections.busy(asking);
  come(server, 5_000);
  expect(asking?.destroyed).toBe(false);
  connections.closeAll();
});
