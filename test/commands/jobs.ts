import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';

/** A configuration over jobs.db of the folder, without storage; `settings` is one more line of the receiver (line 5). */
export function jobsConfig(folder: string, settings = ''): string {
  const file = path.join(folder, 'jobs.yaml');
  fs.writeFileSync(
    file,
    `receivers:
  sqlite:
    database: jobs.db
    tables: {jobs: {attributes: {kind: kind}, metrics: [{name: jobs, type: counter, unit: "{job}"}]}}
    ${settings}
exporters: {prometheus: {endpoint: "127.0.0.1:0"}}
service: {pipelines: {metrics: {receivers: [sqlite], exporters: [prometheus]}}}
`,
  );
  return file;
}

/** Two jobs of kind a, one of kind b. */
export function jobsDatabase(folder: string): void {
  const database = new Database(path.join(folder, 'jobs.db'));
  database.exec(`
    CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT);
    INSERT INTO jobs (kind) VALUES ('a'), ('b'), ('a');`);
  database.close();
}
