import path from 'node:path';
import type { StorageExtension } from '../component.ts';
import { didYouMean } from '../config/nearest.ts';
import { ConfigError } from '../errors.ts';
import { assemble, isStorage, placed, sinkOf, type Assembly, type Built } from '../pipeline/assembly.ts';
import { backUp, restore } from '../state/checkpoint-backup.ts';
import { readCheckpoints } from '../state/checkpoint-list.ts';
import { resetReaders, type KeptUnder } from '../state/checkpoint-reset.ts';
import { openDatabase } from '../state/database.ts';
import { createDigest } from '../state/digest.ts';
import { createLogger } from '../telemetry/logger.ts';
import { describeCheckpoints, listCheckpoints } from './checkpoint-list.ts';
import type { CheckpointOptions } from './checkpoint-options.ts';
import { load } from './load.ts';
import { print } from './print.ts';

type Options = CheckpointOptions & { readonly files: readonly string[]; readonly sets: readonly string[] };

/** Looks at what is kept in the storages of a configuration, or changes it. Rejects with ConfigError. */
export async function checkpoint(options: Options): Promise<number> {
  const { config } = await load(options.files, options.sets);
  const logger = createLogger({ level: 'warn', stream: process.stderr });
  const assembly = await assemble(config, { logger, now: Date.now });
  try {
    await print(await answer(assembly, options));
    return 0;
  } finally {
    for (const { receiver } of assembly.lanes) await receiver.instance.shutdown?.();
  }
}

async function answer(assembly: Assembly, options: Options): Promise<string> {
  switch (options.action) {
    case 'list': {
      const storages = storagesOf(assembly).map(({ configured, instance }) => ({
        id: configured.id,
        storage: instance,
      }));
      const listed = listCheckpoints(assembly, storages);
      return options.json
        ? `${JSON.stringify({ storages: listed }, undefined, 2)}\n`
        : `${describeCheckpoints(listed)}\n`;
    }
    case 'reset':
      return reset(assembly, options.receiver, options.table);
    case 'backup': {
      const { instance } = onlyStorage(assembly, options.storage);
      backUp(instance.directory, path.resolve(options.file));
      return `backed up ${instance.directory} to ${options.file}; it holds the keys, so keep it as private as they are\n`;
    }
    case 'restore': {
      const built = onlyStorage(assembly, options.storage);
      return alone(built, ({ directory }) => {
        const { kept } = restore(path.resolve(options.file), directory, Date.now());
        const before = kept.length === 0 ? '' : `; what was there is kept as ${kept.join(', ')}`;
        return `restored ${directory} from ${options.file}${before}\n`;
      });
    }
  }
}

async function reset(assembly: Assembly, receiver: string, table: string): Promise<string> {
  const lanes = assembly.lanes.filter((lane) => lane.receiver.configured.id === receiver);
  const storage = lanes[0]?.storage;
  const built = storagesOf(assembly).find(({ instance }) => instance === storage);
  if (built === undefined) {
    const ids = [...new Set(assembly.lanes.map((lane) => lane.receiver.configured.id))];
    if (lanes.length > 0) throw new ConfigError(`${receiver} keeps nothing: it names no storage`);
    throw new ConfigError(`no pipeline has a receiver ${JSON.stringify(receiver)}${didYouMean(receiver, ids)}`);
  }
  const readers = lanes.flatMap((lane) =>
    lane.receiver.instance.readers.map(({ id, keyScope }): KeptUnder => ({
      pipeline: lane.pipeline,
      receiver,
      sink: sinkOf(lane),
      reader: id,
      keyScope,
    })),
  );
  const meant = readers.filter(
    ({ reader, keyScope }) => reader === table || keyScope === table || reader.startsWith(`${table}@`),
  );
  if (meant.length === 0) {
    const tables = [...new Set(readers.map(({ reader }) => reader))];
    throw new ConfigError(
      `${receiver} has no table ${JSON.stringify(table)}${didYouMean(table, tables)} (it has: ${tables.join(', ')})`,
    );
  }
  // Once-keys are shared within a scope: what one reader has taken would be missing for the others.
  const together = readers.filter((one) => meant.some(({ keyScope }) => keyScope === one.keyScope));
  return alone(built, (own) => {
    if (readCheckpoints(own.directory) === undefined)
      throw new ConfigError(`there is no state in ${own.directory} yet`);
    const digest = createDigest(own.secret('digest'));
    const logger = createLogger({ level: 'warn', stream: process.stderr });
    const { db } = openDatabase({ directory: own.directory, digest, now: Date.now, logger });
    try {
      const { series, openRows, onceKeys } = resetReaders(db, together, Date.now());
      const names = [...new Set(together.map(({ reader }) => reader))].join(', ');
      return `reset ${names} of ${receiver}: ${series} series, ${openRows} open rows, ${onceKeys} once-keys dropped; counted anew at the next start\n`;
    } finally {
      db.close();
    }
  });
}

/** Does something to a storage while nobody else uses it. */
async function alone(built: Built<StorageExtension>, work: (storage: StorageExtension) => string): Promise<string> {
  const { configured, instance } = built;
  try {
    await instance.start?.();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(placed(configured, error), { cause: error });
  }
  try {
    return work(instance);
  } finally {
    await instance.shutdown?.();
  }
}

function storagesOf({ extensions }: Assembly): readonly Built<StorageExtension>[] {
  return extensions.flatMap((built) => (isStorage(built.instance) ? [{ ...built, instance: built.instance }] : []));
}

function onlyStorage(assembly: Assembly, id: string | undefined): Built<StorageExtension> {
  const storages = storagesOf(assembly);
  const ids = storages.map(({ configured }) => configured.id);
  if (id === undefined && storages.length > 1) {
    throw new ConfigError(`there are several storages: say which with --storage (${ids.join(', ')})`);
  }
  const found = id === undefined ? storages[0] : storages.find(({ configured }) => configured.id === id);
  if (found !== undefined) return found;
  if (id === undefined) throw new ConfigError('the service starts no storage extension: nothing is kept');
  throw new ConfigError(`the service starts no storage extension ${JSON.stringify(id)}${didYouMean(id, ids)}`);
}
