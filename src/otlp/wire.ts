/** A field of a protobuf message; of fixed width ones, the value is not needed here. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Uint8Array | undefined;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The fields of a message in order. Throws RangeError where it is none. https://protobuf.dev/programming-guides/encoding/ */
export function fieldsOf(message: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('a message that ends in the middle of a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new RangeError('a number of more than ten bytes');
  };
  const take = (length: number): Uint8Array => {
    if (length < 0 || at + length > message.length)
      throw new RangeError('a message that ends in the middle of a field');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    if (number === 0) throw new RangeError('a field of number 0');
    switch (tag & 7) {
      case VARINT:
        fields.push({ number, value: varint() });
        break;
      case BYTES:
        fields.push({ number, value: take(Number(varint())) });
        break;
      case FIXED64:
      case FIXED32:
        take((tag & 7) === FIXED64 ? 8 : 4);
        fields.push({ number, value: undefined });
        break;
      default:
        throw new RangeError(`a field of wire type ${tag & 7}`);
    }
  }
  return fields;
}

/** The last message or string of that number. */
export function bytesField(fields: readonly Field[], number: number): Uint8Array | undefined {
  const value = fields.findLast((field) => field.number === number)?.value;
  return value instanceof Uint8Array ? value : undefined;
}

/** 0 where it is not there, as protobuf has it. */
export function numberField(fields: readonly Field[], number: number): number {
  const value = fields.findLast((field) => field.number === number)?.value;
  return typeof value === 'bigint' ? Number(value) : 0;
}
