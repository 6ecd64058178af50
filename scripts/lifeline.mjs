/** Loaded into what `foreground.mjs` runs: when that parent is gone, killed even, stop as if asked to. */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// Listening alone would keep a finished program from ending.
process.channel?.unref();
