import {
  type Activity,
  type ByteString,
  type ReportSink,
  type Reporter,
  brandAs,
  byteStringFromText,
  bytesOf,
  createReporter,
} from '../../base/index.ts';
import { formatJson, jsonObject } from '../../nix-compat/index.ts';

/** A reporter that passes everything on to `reporter`, and what builders write to `output`, too, as they wrote it. */
export function tapBuildLog(reporter: Reporter, output: (chunk: Uint8Array) => void): Reporter {
  const activities = new Map<number, Activity>();
  const writeLine = (line: ByteString) => output(bytesOf(brandAs<ByteString>(`${line}\n`)));
  const sink: ReportSink = {
    shows: level => reporter.shows(level),
    log: (level, text) => reporter.log(level, text),
    warn: text => reporter.warn(text),
    logError: error => reporter.logError(error),
    suspend: () => reporter.suspend(),
    startActivity: (id, start, parent) => {
      const above = parent === undefined ? undefined : activities.get(parent);
      activities.set(id, (above ?? reporter).startActivity(start));
    },
    stopActivity: id => {
      activities.get(id)?.[Symbol.dispose]();
      activities.delete(id);
    },
    result: (id, result) => {
      if (result.type === 'buildLogLine') writeLine(result.line);
      if (result.type === 'setPhase') writeLine(phaseMessage(result.phase));
      activities.get(id)?.result(result);
    },
  };
  return createReporter(sink);
}

/** What builders of nixpkgs write where another phase begins: logs of builds elsewhere have it, too. */
function phaseMessage(phase: string): ByteString {
  const message = jsonObject({ action: byteStringFromText('setPhase'), phase: byteStringFromText(phase) });
  return brandAs<ByteString>(`@nix ${formatJson(message)}`);
}
