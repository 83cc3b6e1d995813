// The gateway binds every interface and has no flag for it. Tests may be reached from this machine only,
// on a port that is free, and say where that is.
import net from "node:net";

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...given) {
  const ready = given.find((each) => typeof each === "function");
  return listen.call(this, { port: 0, host: "127.0.0.1" }, () => {
    process.stderr.write(`listening on http://127.0.0.1:${this.address().port}\n`);
    ready?.call(this);
  });
};
