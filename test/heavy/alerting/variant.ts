import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

const FOLDER = path.resolve(import.meta.dirname, '../../../deploy/prometheus');

/** A ready configuration of Prometheus, and what its comment says that agentcol needs for it. */
export class Variant {
  /** As it stands. */
  readonly prometheus: string;
  /** The YAML of the comment at its top; undefined where agentcol needs nothing. */
  readonly agentcol: string | undefined;

  constructor(file: string) {
    this.prometheus = fs.readFileSync(path.join(FOLDER, file), 'utf8');
    const comment = this.prometheus.slice(0, this.prometheus.indexOf('\nglobal:')).split('\n');
    const lines = comment.filter((line) => line.startsWith('#   ')).map((line) => line.slice('#   '.length));
    const from = lines.indexOf('extensions:');
    this.agentcol = from === -1 ? undefined : lines.slice(from).join('\n');
  }

  /** service::telemetry::metrics of the comment, where everything that `there` names is elsewhere. */
  telemetry(there: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
    const config = parse(elsewhere(this.agentcol ?? '', there)) as {
      readonly service: { readonly telemetry: { readonly metrics: Readonly<Record<string, unknown>> } };
    };
    return config.service.telemetry.metrics;
  }

  /** Writes it to a folder as prometheus.yml, with the rules, scraping twice a second. */
  install(folder: string, there: Readonly<Record<string, string>>): void {
    const text = elsewhere(this.prometheus, {
      ...there,
      'scrape_interval: 15s': 'scrape_interval: 500ms',
      'evaluation_interval: 1m': 'evaluation_interval: 1s',
    });
    fs.writeFileSync(path.join(folder, 'prometheus.yml'), text);
    fs.symlinkSync(path.join(FOLDER, 'rules'), path.join(folder, 'rules'));
  }
}

/** The text with addresses and files of a test in the place of real ones. Throws where one of them does not occur. */
export function elsewhere(text: string, there: Readonly<Record<string, string>>): string {
  return Object.entries(there).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`there is no ${from} in it`);
    return changed.replaceAll(from, to);
  }, text);
}
