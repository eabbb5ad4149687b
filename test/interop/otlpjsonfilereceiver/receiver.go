// Package otlpjsonfilereceiver reads files of OTLP JSON, one message a line, with the parts that contrib's receiver of
// that name is made of: stanza's fileconsumer, which finds, follows and splits files, and pdata's JSON unmarshalers.
package otlpjsonfilereceiver

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/fileconsumer"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"
)

const stability = component.StabilityLevelDevelopment

// Config is that of fileconsumer: include, start_at, max_log_size, ...
type Config struct {
	fileconsumer.Config `mapstructure:",squash"`
}

// NewFactory creates the factory of otlpjsonfile. Each signal reads the files for itself, and passes over lines of others.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(
		component.MustNewType("otlpjsonfile"),
		func() component.Config { return &Config{Config: *fileconsumer.NewConfig()} },
		receiver.WithTraces(createTraces, stability),
		receiver.WithMetrics(createMetrics, stability),
		receiver.WithLogs(createLogs, stability),
	)
}

func createTraces(_ context.Context, set receiver.Settings, config component.Config, next consumer.Traces) (receiver.Traces, error) {
	var unmarshaler ptrace.JSONUnmarshaler
	return create(set, config, func(ctx context.Context, line []byte) error {
		traces, err := unmarshaler.UnmarshalTraces(line)
		if err != nil || traces.SpanCount() == 0 {
			return err
		}
		return next.ConsumeTraces(ctx, traces)
	})
}

func createMetrics(_ context.Context, set receiver.Settings, config component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	var unmarshaler pmetric.JSONUnmarshaler
	return create(set, config, func(ctx context.Context, line []byte) error {
		metrics, err := unmarshaler.UnmarshalMetrics(line)
		if err != nil || metrics.DataPointCount() == 0 {
			return err
		}
		return next.ConsumeMetrics(ctx, metrics)
	})
}

func createLogs(_ context.Context, set receiver.Settings, config component.Config, next consumer.Logs) (receiver.Logs, error) {
	var unmarshaler plog.JSONUnmarshaler
	return create(set, config, func(ctx context.Context, line []byte) error {
		logs, err := unmarshaler.UnmarshalLogs(line)
		if err != nil || logs.LogRecordCount() == 0 {
			return err
		}
		return next.ConsumeLogs(ctx, logs)
	})
}

type fileReceiver struct {
	files *fileconsumer.Manager
}

func create(set receiver.Settings, config component.Config, consume func(context.Context, []byte) error) (*fileReceiver, error) {
	emit := func(ctx context.Context, lines [][]byte, _ map[string]any, _ int64, _ []int64) error {
		for _, line := range lines {
			if err := consume(ctx, line); err != nil {
				set.Logger.Error("line refused", zap.Error(err))
			}
		}
		return nil
	}
	files, err := config.(*Config).Build(set.TelemetrySettings, emit)
	if err != nil {
		return nil, err
	}
	return &fileReceiver{files}, nil
}

func (r *fileReceiver) Start(context.Context, component.Host) error {
	return r.files.Start(storage.NewNopClient())
}

func (r *fileReceiver) Shutdown(context.Context) error {
	return r.files.Stop()
}
