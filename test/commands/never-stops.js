// Loaded before agentcol: servers whose close never ends.
import { Server } from 'node:http';

Server.prototype.close = function close() {
  return this;
};
