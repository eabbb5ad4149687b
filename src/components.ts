import { debugExporter } from '../exporters/debug/factory.ts';
import { fileExporter } from '../exporters/file/factory.ts';
import { otlpGrpcExporter } from '../exporters/otlp_grpc/factory.ts';
import { otlpHttpExporter } from '../exporters/otlp_http/factory.ts';
import { prometheusExporter } from '../exporters/prometheus/factory.ts';
import { basicAuth } from '../extensions/basicauth/factory.ts';
import { bearerTokenAuth } from '../extensions/bearertokenauth/factory.ts';
import { fileStorage } from '../extensions/file_storage/factory.ts';
import { healthCheck } from '../extensions/health_check/factory.ts';
import { attributesProcessor } from '../processors/attributes/factory.ts';
import { cardinalityLimitProcessor } from '../processors/cardinality_limit/factory.ts';
import { filterProcessor } from '../processors/filter/factory.ts';
import { hashProcessor } from '../processors/hash/factory.ts';
import { resourceProcessor } from '../processors/resource/factory.ts';
import { stripPathsProcessor } from '../processors/strip_paths/factory.ts';
import { claudeCodeHooksReceiver } from '../receivers/claude_code_hooks/factory.ts';
import { sqliteReceiver } from '../receivers/sqlite/factory.ts';
import type { ComponentFactory } from './config/config.ts';

/** Every component type of this build; a new one is added here and nowhere else. */
export const factories: readonly ComponentFactory[] = [
  sqliteReceiver,
  claudeCodeHooksReceiver(sqliteReceiver),
  hashProcessor,
  stripPathsProcessor,
  attributesProcessor,
  filterProcessor,
  resourceProcessor,
  cardinalityLimitProcessor,
  prometheusExporter,
  otlpHttpExporter,
  otlpGrpcExporter,
  fileExporter,
  debugExporter,
  fileStorage,
  healthCheck,
  basicAuth,
  bearerTokenAuth,
];
