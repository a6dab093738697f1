import {
  PublicKey,
  SecretKey,
  formatNarInfo,
  formatNixCacheInfo,
  formatSignature,
  isContentAddressed,
  fingerprintPathInfo,
  parseNarInfo,
  parseNixCacheInfo,
  parseSignature,
  verifySignature,
} from '../../../src/nix-compat/index.ts';
import { type Target, bytes, textOfInput } from '../target.ts';
import { narInfos, samples, signatures, storeDir, vectorFiles } from './seeds.ts';
import { textTarget } from './text-codec.ts';

const publicKey = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=';
// RFC 8032, section 7.1, test 1: no secret.
const secretKey = `test:${Buffer.from(
  '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  'hex',
).toString('base64')}`;
const signed = Buffer.from('signed');

const keyTargets = [
  textTarget({
    name: 'public-key',
    seeds: () => [publicKey, `a:${'A'.repeat(43)}=`],
    dictionary: [':', '=', '==', '\n', 'A'.repeat(43), ' '],
    parse(input) {
      const key = PublicKey.parse(textOfInput(input));
      const verified = key.verifyAnonymous(signed, { keyName: key.name, bytes: Buffer.alloc(64, input) });
      return { name: key.name, bytes: key.bytes, verified };
    },
  }),
  textTarget({
    name: 'secret-key',
    seeds: () => [secretKey],
    dictionary: [':', '=', '==', '\n', 'A'.repeat(86)],
    parse(input) {
      const key = SecretKey.parse(textOfInput(input));
      return [key.name, key.publicKey.verify(signed, key.sign(signed)), key.format()];
    },
  }),
  textTarget({
    name: 'signature',
    seeds: () => samples(signatures).map(formatSignature),
    dictionary: [':', '=', '==', '\n', 'A'.repeat(86)],
    parse: input => parseSignature(bytes(input)),
    format: formatSignature,
  }),
];

const narInfoWords = [
  ['StorePath: ', 'URL: ', 'Compression: ', 'FileHash: ', 'FileSize: ', 'NarHash: ', 'NarSize: ', 'References: '],
  [
    'Deriver: ',
    'Sig: ',
    'CA: ',
    'unknown-deriver',
    '\n',
    ':',
    ': ',
    '\n\n',
    'sha256:',
    '/nix/store/',
    ' ',
    'xz',
    '\r\n',
  ],
].flat();

const documentTargets = [
  textTarget({
    name: 'narinfo',
    seeds: () => [
      ...samples(narInfos, 20).map(info => formatNarInfo(storeDir, info).toString('latin1')),
      ...vectorFiles(/\.narinfo$/).map(file => file.toString('latin1')),
    ],
    dictionary: narInfoWords,
    parse(input) {
      const info = parseNarInfo(storeDir, input, { source: 'fuzz' });
      isContentAddressed(storeDir, info);
      const key = PublicKey.parse(publicKey);
      const keys = new Map([[key.name, key]]);
      const fingerprint = Buffer.from(fingerprintPathInfo(storeDir, info), 'latin1');
      for (const signature of info.signatures)
        if (signature.bytes.length === 64) verifySignature(keys, fingerprint, signature);
      return info;
    },
    givesOffset: code => code !== 'narinfo/missing-field' && code.startsWith('narinfo/'),
  }),
  textTarget({
    name: 'narinfo-codec',
    seeds: () => samples(narInfos, 20).map(info => formatNarInfo(storeDir, info).toString('latin1')),
    dictionary: narInfoWords,
    parse(input) {
      const info = parseNarInfo(storeDir, input, { source: 'fuzz' });
      // Without the hash the size is not written.
      return info.fileHash === undefined ? { ...info, fileSize: 0 } : info;
    },
    format: info => formatNarInfo(storeDir, info).toString('latin1'),
  }),
  textTarget({
    name: 'nix-cache-info',
    seeds: () => ['StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n', 'Priority: -1\n', ''],
    dictionary: ['StoreDir', 'WantMassQuery', 'Priority', ':', ': ', '\n', '1', '0', '2147483648', '-', ' '],
    parse: parseNixCacheInfo,
    format: info => formatNixCacheInfo(info).toString('latin1'),
  }),
];

export const narInfoTargets: readonly Target[] = [...keyTargets, ...documentTargets];
