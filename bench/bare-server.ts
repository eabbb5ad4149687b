/** A process that reads what is posted to it and answers: what of the time of a request is Node's and the machine's. */
import http from 'node:http';

const server = http.createServer((request, response) => {
  request.resume();
  request.once('end', () => response.end());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  process.send?.(address.port);
});
process.on('disconnect', () => server.close());
