import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { findFlakeWithFragment } from '../../engine/index.ts';
import { inputToUrl } from '../../eval/index.ts';
import { completeFolder } from '../args/complete-path.ts';
import type { Completer } from '../args/completions.ts';
import type { CommandContext } from '../command.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { noArguments } from '../evaluation/evaluation-arguments.ts';
import { openRegistries } from '../open-registries.ts';

/** Completes to folders, and to what registries have names for. */
export function completeFlake(context: CommandContext): Completer {
  return async (completions, prefix, index) => {
    if (!context.settings.isEnabled('flakes')) return;
    if (prefix === '') completions.add(byteStringFromText('.'));
    await completeFolder(completions, prefix, index);
    for (const { entries } of await openRegistries(context).all()) {
      for (const { from } of entries) {
        const url = inputToUrl(from);
        const isShort = !prefix.startsWith('flake:') && url.startsWith('flake:');
        const text = isShort ? url.slice('flake:'.length) : url;
        if (text.startsWith(displayBytes(prefix))) completions.add(byteStringFromText(text));
      }
    }
  };
}

/** Completes to the names of the inputs of the flakes at `urls`. */
export function completeInputsOf(context: CommandContext, urls: () => readonly ByteString[]): Completer {
  return async (completions, prefix) => {
    await using evaluation = new Evaluation(context, noArguments(), { writes: false });
    for (const url of urls()) {
      const { flake: reference } = findFlakeWithFragment(expandHome(displayBytes(url), context), {
        baseFolder: displayBytes(context.baseFolder),
        reporter: context.log,
      });
      const { inputs } = await evaluation.flakes.read(reference);
      for (const name of inputs.keys()) {
        if (name.startsWith(displayBytes(prefix))) completions.add(byteStringFromText(name));
      }
    }
  };
}

/** Shells leave the home of the user to us, where they have us complete. */
export function expandHome(path: string, { environment }: CommandContext): string {
  return path === '~' || path.startsWith('~/') ? `${environment.home}${path.slice(1)}` : path;
}
