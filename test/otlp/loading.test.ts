import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../program.ts';

/** The packages of OTLP that a process has loaded once it knows `module`. */
function packagesLoadedBy(module: string): readonly string[] {
  const script = `
    await import(${JSON.stringify(path.join(ROOT, module))});
    const { createRequire } = await import('node:module');
    const files = Object.keys(createRequire(import.meta.url).cache ?? {});
    const names = files.map((file) => /node_modules\\/(@(?:opentelemetry|grpc)\\/[^/]+)/.exec(file)?.[1]);
    console.log(JSON.stringify([...new Set(names.filter((name) => name !== undefined))].sort()));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as readonly string[];
}

test('nothing of OTLP is loaded before it is configured, and no gRPC for HTTP', () => {
  expect(packagesLoadedBy('src/components.ts')).toEqual([]);
  const forHttp = packagesLoadedBy('exporters/otlp_http/exporter.ts');
  expect(forHttp).toContain('@opentelemetry/otlp-transformer');
  expect(forHttp).not.toContain('@grpc/grpc-js');
  expect(packagesLoadedBy('exporters/otlp_grpc/exporter.ts')).toContain('@grpc/grpc-js');
}, 60_000);
