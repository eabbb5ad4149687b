import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** A certificate in PEM and its key. */
export interface Certificate {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
  readonly privateKey: KeyObject;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const ECDSA_WITH_SHA256 = tlv(SEQUENCE, oid('2a8648ce3d040302'));

/** A new P-256 certificate for localhost and 127.0.0.1, valid from 2020 to 2049; without an issuer its own authority. */
export function certificate(name: string, issuer?: Certificate): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = issuer === undefined;
  const signed = tlv(
    SEQUENCE,
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    commonName((issuer ?? { name }).name),
    tlv(SEQUENCE, text(0x17, '200101000000Z'), text(0x17, '491231235959Z')),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(
      0xa3,
      tlv(
        SEQUENCE,
        extension('551d13', true, isAuthority ? tlv(SEQUENCE, Buffer.from([0x01, 0x01, 0xff])) : tlv(SEQUENCE)),
        extension('551d11', false, tlv(SEQUENCE, text(0x82, 'localhost'), tlv(0x87, Buffer.from([127, 0, 0, 1])))),
      ),
    ),
  );
  const signature = sign('sha256', signed, (issuer ?? { privateKey }).privateKey);
  const der = tlv(SEQUENCE, signed, ECDSA_WITH_SHA256, tlv(0x03, Buffer.from([0]), signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  const cert = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  return { name, cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), privateKey };
}

function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const { length } = Buffer.concat(parts);
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), ...parts]);
}

function text(tag: number, value: string): Buffer {
  return tlv(tag, Buffer.from(value));
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

function commonName(name: string): Buffer {
  return tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, oid('550403'), text(0x0c, name))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [Buffer.from([0x01, 0x01, 0xff])] : [];
  return tlv(SEQUENCE, oid(id), ...flag, tlv(0x04, value));
}
