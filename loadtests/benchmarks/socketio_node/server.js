// One room, emit to it; sockets only, no polling, no compression: as its documentation says it is quickest without a
// native server. node server.js PORT
import { createServer } from "node:http";
import { Server } from "socket.io";

const ROOM = "01910000-0000-7000-8000-0000000000aa";
const sender = { userId: "01910000-0000-7000-8000-000000000001", name: "Person 1" };
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false, perMessageDeflate: false });

io.on("connection", (socket) => {
  socket.join(ROOM);
  socket.on("post", (text) => {
    io.to(ROOM).emit("chat", { type: "chat.posted", at: "2026-11-21T09:00:00.000000Z", data: { text, ...sender } });
  });
});
http.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
