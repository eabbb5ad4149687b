import fs from 'node:fs';
import path from 'node:path';

export interface ImportFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * The files that `paths` name, folders walked for *.jsonl and *.json: those of sessions before those of their sub-agents, so that
 * what launched an agent is known before what it did. Links inside folders are not followed. `failed` is told what cannot be read.
 */
export function filesToImport(
  paths: readonly string[],
  failed: (path: string, error: unknown) => void,
): readonly ImportFile[] {
  const found = new Map<string, ImportFile>();
  for (const given of paths) {
    for (const file of filesBelow(path.resolve(given), failed)) found.set(file.path, file);
  }
  return [...found.values()].sort((a, b) => rank(a.path) - rank(b.path) || (a.path < b.path ? -1 : 1));
}

function* filesBelow(start: string, failed: (path: string, error: unknown) => void): Generator<ImportFile> {
  try {
    const stat = fs.statSync(start, { throwIfNoEntry: false });
    if (stat === undefined) failed(start, new Error('no such file or folder'));
    else if (stat.isDirectory()) {
      for (const entry of fs.readdirSync(start, { withFileTypes: true })) {
        const inner = path.join(start, entry.name);
        if (entry.isDirectory() || (entry.isFile() && isRecording(entry.name))) yield* filesBelow(inner, failed);
      }
    } else if (stat.isFile()) yield { path: start, bytes: stat.size };
    else failed(start, new Error('is neither a file nor a folder'));
  } catch (error) {
    failed(start, error);
  }
}

function isRecording(name: string): boolean {
  return /\.jsonl?$/.test(name) && !name.endsWith('.meta.json');
}

/** Transcripts of sub-agents lie beside those of sessions, or in folders below. */
function rank(file: string): number {
  return path.basename(file).startsWith('agent-') ? 1 : 0;
}
