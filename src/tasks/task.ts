import { isOfModule, type TaskAddress } from "../wire/protocol.ts";

/** A function with an address, and with an id by which all workers know the function. */
export class AddressedTask {
  static #lastId = 0;
  readonly id: number = ++AddressedTask.#lastId;
  readonly address: TaskAddress;
  /** The index in `modules` of the function's module; -1 for a function that is sent by its source. */
  readonly module: number;

  constructor(address: TaskAddress, module: number) {
    this.address = address;
    this.module = module;
  }

  /** The name of the function. */
  get name(): string {
    const { address } = this;
    return isOfModule(address) ? address.path.join(".") : address.name || "anonymous";
  }

  /** The task in the words of an error message. */
  get label(): string {
    const { address } = this;
    if (isOfModule(address)) return `${this.name} of ${address.url}`;
    return address.name === "" ? "an anonymous function" : `the function ${address.name}`;
  }
}
