// A push service of web-push-testing, on loopback alone. Argument: a port.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { PushApiModel } = require("web-push-testing/src/PushApiModel");
const Server = require("web-push-testing/src/server");

const port = Number(process.argv[2]);
const server = new Server(new PushApiModel(), port);
server._app.listen(port, "127.0.0.1", () => console.log(JSON.stringify({ ready: true })));
server.setRequestHandlers();
