// How far a long command is: a bar on a terminal, a line for every tenth on a pipe. On stderr, beside the result.

import cliProgress from 'cli-progress';

export type Progress = { advance(): void; stop(): void };

export function showProgress(total: number, verb: string): Progress {
  return process.stderr.isTTY && total > 0 ? showBar(total, verb) : showLines(total, verb);
}

function showBar(total: number, verb: string): Progress {
  const format = `${verb} {bar} {value} of {total}, {eta_formatted} left`;
  const bar = new cliProgress.SingleBar(
    { format, hideCursor: true, etaBuffer: 200 },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0);
  return { advance: () => bar.increment(), stop: () => bar.stop() };
}

function showLines(total: number, verb: string): Progress {
  let done = 0;
  return {
    advance() {
      done += 1;
      const tenth = Math.floor((done / total) * 10) > Math.floor(((done - 1) / total) * 10);
      if (tenth && done < total) process.stderr.write(`${verb} ${done} of ${total}\n`);
    },
    stop() {},
  };
}
