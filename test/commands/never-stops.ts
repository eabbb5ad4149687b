// Loaded before agentcol: an exporter whose shutdown never ends.
import { PrometheusExporter } from '../../exporters/prometheus/exporter.ts';

PrometheusExporter.prototype.shutdown = () => new Promise(() => undefined);
