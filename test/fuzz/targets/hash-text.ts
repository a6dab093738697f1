import {
  checkStorePathName,
  contentAddressMethods,
  decodeBase16,
  decodeBase64,
  decodeNix32,
  encodeBase16,
  encodeBase64,
  encodeNix32,
  formatContentAddress,
  formatContentAddressKind,
  formatHash,
  formatOutputHashMode,
  hashAlgorithms,
  hashFormats,
  parseContentAddress,
  parseContentAddressKind,
  parseContentAddressMethod,
  parseHash,
  parseHashAlgorithm,
  parseHashFormat,
  parseHashWithFormat,
  parseOutputHashMode,
  parsePrefixedHash,
  parseSri,
  parseStoreDir,
  parseStorePath,
  parseStorePathIn,
  parseUnprefixedHash,
  printStorePath,
  splitStorePath,
  canonicalPath,
} from '../../../src/nix-compat/index.ts';
import { storePaths } from '../../../src/testing/index.ts';
import { type Target, bytes, textOfInput } from '../target.ts';
import { contentAddresses, hashes, samples, storeDir } from './seeds.ts';
import { textTarget } from './text-codec.ts';

const digests = samples(hashes, 24);
const hashTexts = digests.flatMap(hash => [
  ...hashFormats.map(format => formatHash(hash, format)),
  formatHash(hash, 'nix32', { prefix: true }),
  formatHash(hash, 'base16', { prefix: true }),
]);
const hashWords = [
  ...[...hashAlgorithms].flatMap(name => [name, `${name}:`, `${name}-`]),
  ['=', '==', '\n', 'e', 'u', 'z', 'Z', '/', '+', '-', ':', '\xff', '0'.repeat(52), 'A'.repeat(44)],
].flat();

const hashTargets = [
  textTarget({
    name: 'hash',
    seeds: () => hashTexts,
    dictionary: hashWords,
    parse: input => parseHash(textOfInput(input)),
    format: hash => formatHash(hash, 'sri'),
  }),
  textTarget({
    name: 'hash-of-algorithm',
    seeds: () => hashTexts,
    dictionary: hashWords,
    parse: input => parseHashWithFormat(textOfInput(input), hashAlgorithms[input.length % hashAlgorithms.length]),
  }),
  textTarget({
    name: 'hash-prefixed',
    seeds: () => hashTexts,
    dictionary: hashWords,
    parse: input => parsePrefixedHash(textOfInput(input)),
    format: hash => formatHash(hash, 'nix32', { prefix: true }),
  }),
  textTarget({
    name: 'hash-unprefixed',
    seeds: () => hashTexts,
    dictionary: hashWords,
    parse: input =>
      parseUnprefixedHash(textOfInput(input), hashAlgorithms[input.length % hashAlgorithms.length] ?? 'md5'),
  }),
  textTarget({
    name: 'hash-sri',
    seeds: () => hashTexts,
    dictionary: hashWords,
    parse: input => parseSri(textOfInput(input)),
    format: hash => formatHash(hash, 'sri'),
  }),
  textTarget({
    name: 'nix32',
    seeds: () => digests.map(({ digest }) => encodeNix32(digest)),
    dictionary: hashWords,
    parse: input => decodeNix32(textOfInput(input)),
    format: encodeNix32,
    canonical: true,
    givesOffset: () => true,
  }),
  textTarget({
    name: 'base16',
    seeds: () => digests.map(({ digest }) => encodeBase16(digest)),
    dictionary: hashWords,
    parse: input => decodeBase16(textOfInput(input)),
    format: encodeBase16,
    givesOffset: () => true,
  }),
  textTarget({
    name: 'base64',
    seeds: () => digests.map(({ digest }) => encodeBase64(digest)),
    dictionary: hashWords,
    parse: input => decodeBase64(textOfInput(input)),
    format: encodeBase64,
    givesOffset: () => true,
  }),
  textTarget({
    name: 'hash-names',
    seeds: () => [...hashAlgorithms, ...hashFormats, 'base32', ...contentAddressMethods],
    dictionary: hashWords,
    parse(input) {
      const text = textOfInput(input);
      switch (text.length % 3) {
        case 0:
          return parseHashAlgorithm(text);
        case 1:
          return parseHashFormat(text);
        default:
          return parseContentAddressMethod(text);
      }
    },
  }),
];

const paths = samples(storePaths, 12);
const pathWords = [
  '/',
  '//',
  '/../',
  '/./',
  '.',
  '..',
  '.-',
  '..-',
  '-',
  '/nix/store',
  '.drv',
  'e',
  '\0',
  '\xff',
  ' ',
  'a'.repeat(212),
];

const storePathTargets = [
  textTarget({
    name: 'store-path',
    seeds: () => paths,
    dictionary: pathWords,
    parse: input => parseStorePath(textOfInput(input)),
    format: path => path,
    canonical: true,
  }),
  textTarget({
    name: 'store-path-in',
    seeds: () => paths.map(path => printStorePath(storeDir, path)),
    dictionary: pathWords,
    parse: input => parseStorePathIn(storeDir, textOfInput(input)),
    format: path => printStorePath(storeDir, path),
  }),
  textTarget({
    name: 'store-path-split',
    seeds: () => paths.map(path => `${printStorePath(storeDir, path)}/bin/x`),
    dictionary: pathWords,
    parse: input => splitStorePath(storeDir, bytes(input)),
    format: ({ storePath, rest }) => `${printStorePath(storeDir, storePath)}${rest}`,
  }),
  textTarget({
    name: 'store-path-name',
    seeds: () => paths.map(path => path.slice(33)),
    dictionary: pathWords,
    parse: input => checkStorePathName(textOfInput(input)),
  }),
  textTarget({
    name: 'store-dir',
    seeds: () => ['/nix/store', '/a//b/../c/', '/tmp/x/store/'],
    dictionary: pathWords,
    parse: input => [parseStoreDir(textOfInput(input)), canonicalPath(textOfInput(input))] as const,
  }),
  textTarget({
    name: 'content-address',
    seeds: () => samples(contentAddresses, 20).map(formatContentAddress),
    dictionary: [...hashWords, 'fixed:', 'text:', 'r:', 'git:', ':', 'fixed:r:sha256:'],
    parse: input => parseContentAddress(textOfInput(input)),
    format: formatContentAddress,
  }),
  textTarget({
    name: 'content-address-kind',
    seeds: () => ['fixed:r:sha256', 'text:sha256', 'fixed:git:sha1', 'fixed:md5'],
    dictionary: [...hashWords, 'fixed:', 'text:', 'r:', 'git:', ':'],
    parse: input => parseContentAddressKind(textOfInput(input)),
    // As C++ Nix, it passes over what follows another colon.
    format: formatContentAddressKind,
  }),
  textTarget({
    name: 'output-hash-mode',
    seeds: () => ['r:sha256', 'text:sha256', 'git:sha1', 'md5'],
    dictionary: [...hashWords, 'text:', 'r:', 'git:', ':'],
    parse: input => parseOutputHashMode(textOfInput(input)),
    format: formatOutputHashMode,
    canonical: true,
  }),
];

export const hashTextTargets: readonly Target[] = [...hashTargets, ...storePathTargets];
