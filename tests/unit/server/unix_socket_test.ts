import { assertThrows } from "@std/assert";
import { assertSocket } from "../../../src/server/unix_socket.ts";

Deno.test("assertSocket() refuses a Unix socket on Windows alone, and says what to use", () => {
  for (const os of ["linux", "darwin", "windows"] as const) {
    assertSocket({}, os);
    const check = () => assertSocket({ path: "C:\\app.sock" }, os);
    if (os !== "windows") check();
    else {
      assertThrows(
        check,
        Deno.errors.NotSupported,
        'Cannot serve on the Unix socket "C:\\\\app.sock": Deno has no Unix sockets on Windows; ' +
          'use a port that only this machine reaches: { hostname: "127.0.0.1", port: 8000 }',
      );
    }
  }
});
