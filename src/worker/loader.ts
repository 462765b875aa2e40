import { whileLoading } from "../wire/under_way.ts";

const { Promise } = globalThis;

/** Loads the module at a URL that the host has named. */
export type Load = (url: string) => Promise<unknown>;

/** Loads modules as a worker's entry does. */
export function loadWith(loadModule: Load): Load {
  const turn = turns();
  return async (url) => {
    const module = await whileLoading(url, () => loadModule(url));
    // A module that exits while it is evaluated goes on until the next turn, which never comes.
    await turn();
    return module;
  };
}

/** Waits for a later turn of the event loop; a timer would first have to be loaded. */
function turns(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const arrive = port2.postMessage.bind(port2);
  let arrived: () => void;
  port1.onmessage = () => arrived();
  return () =>
    new Promise((resolve) => {
      arrived = resolve;
      arrive(0);
    });
}
