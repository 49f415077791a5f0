// Tests that load the runtime themselves send no usage reports either (see src/inference/session.ts).
process.env.ORT_DISABLE_TELEMETRY = '1';
