import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Failure, Remark, Settings } from '../../src/component.ts';
import { ConfigError, describeError, RetryableError } from '../../src/errors.ts';
import type { Transport } from '../../src/otlp/exporter.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import { deleteOld, rename } from './backups.ts';
import type { Config } from './config.ts';
import { LineFile } from './line-file.ts';

const MEGABYTE = 1_048_576;

/** Writes requests as lines, one after the other. What it has taken is on the disk. */
export class FileTransport implements Transport {
  readonly failure: Failure | undefined = undefined;
  readonly #config: Config;
  readonly #settings: Settings;
  #file: LineFile | undefined;
  /** The last write, of whatever signal. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: Config, settings: Settings) {
    this.#config = config;
    this.#settings = settings;
  }

  async inspect(): Promise<readonly Remark[]> {
    const { path } = this.#config;
    try {
      await access(dirname(path), constants.W_OK);
      return [];
    } catch (error) {
      const message = `${dirname(path)} is no folder that this user may write to: ${describeError(error)}`;
      return [{ path: ['path'], message, severity: 'error' }];
    }
  }

  async start(): Promise<void> {
    const { path } = this.#config;
    try {
      this.#file = await LineFile.open(path);
    } catch (error) {
      throw new ConfigError([{ path: ['path'], message: `write to ${path}: ${describeError(error)}` }], {
        cause: error,
      });
    }
  }

  send(_signal: Signal, request: Uint8Array): Promise<undefined> {
    const written = this.#turn.then(() => this.#write(request));
    this.#turn = written.catch(() => undefined);
    return written;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#leave();
  }

  async #write(line: Uint8Array): Promise<undefined> {
    const { path, rotation } = this.#config;
    try {
      // Somebody has moved it away, or deleted it.
      if (this.#file !== undefined && !(await this.#file.isThere())) await this.#leave();
      this.#file ??= await LineFile.open(path);
      const { size } = this.#file;
      if (rotation !== undefined && size > 0 && size + line.length >= rotation.max_megabytes * MEGABYTE) {
        await this.#leave();
        await rename(path, this.#settings.now());
        await deleteOld(path, rotation, this.#settings.now());
        this.#file = await LineFile.open(path);
      }
      await this.#file.append(line);
      return undefined;
    } catch (error) {
      await this.#leave().catch(() => undefined);
      throw new RetryableError(`write to ${path}`, { cause: error });
    }
  }

  /** It is opened anew for what comes next. */
  async #leave(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
