import { type Reporter, byteStringFromText, displayBytes } from '../../../base/index.ts';
import { type SettingType, booleanType, decodePercent, stringType, uint64Type } from '../../../nix-compat/index.ts';
import { StoreError } from '../../error.ts';
import type { StoreRequest } from '../../open-store.ts';
import type { Store } from '../../store.ts';
import type { StoreParameters } from '../../store-parameters.ts';
import { takeServerParameters } from '../cache-parameters.ts';
import { EncodingTransport } from '../encoding-transport.ts';
import type { SignRequest } from '../http/http-request.ts';
import { HttpTransport, resolveUrl } from '../http-transport.ts';
import { openCache, rememberedCache, takeParameters } from '../open-cache.ts';
import { sharedHttpClient } from '../http-clients.ts';
import { AwsCredentialsProvider } from './aws-credentials.ts';
import { signRequest } from './aws-signature.ts';
import { type AddressingStyle, addressingStyles, s3Location } from './s3-location.ts';
import { type MultipartOptions, S3Transport, maxPartSize, minPartSize, showSize } from './s3-transport.ts';

/** `s3://bucket` or `s3://bucket/path` */
export async function openS3Cache(request: StoreRequest): Promise<Store> {
  const { scheme, authority, parameters, context } = request;
  const { reporter, settings } = context;
  const taken = takeParameters(request);
  const { encodings } = takeServerParameters(parameters);
  const given = takeS3Parameters(parameters);
  const multipart = takeMultipart(parameters, warning => reporter.warn(warning));
  parameters.warnUnknown(reporter);
  const uri = `${scheme}://${authority}${given.shown}`;
  const client = sharedHttpClient(context);
  const { location, sign } = s3Access(displayBytes(decodePercent(authority)), given, reporter);
  const address = (path: string) => ({ url: resolveUrl(path, location), sign });
  const http = new HttpTransport({ uri, client, address, disablesItself: settings.get('fallback'), reporter });
  const transport = new EncodingTransport(
    new S3Transport({ http, address, storageClass: given.storageClass, multipart, reporter }),
    encodings,
  );
  return openCache(request, { ...taken, uri, transport, memory: rememberedCache(request, taken.traits, uri) });
}

/** Where what lies below `BUCKET/PREFIX` is, and how requests prove who asks. Throws `store-uri/malformed`. */
export function s3Access(
  place: string,
  given: S3Parameters,
  reporter: Reporter,
): { readonly location: URL; readonly sign: SignRequest } {
  const [bucket = '', ...prefix] = place.split('/');
  const location = s3Location({ ...given, bucket, prefix: prefix.join('/'), reporter });
  const provider = new AwsCredentialsProvider({ profile: given.profile, variables: process.env, reporter });
  const sign: SignRequest = async unsigned => {
    const credentials = await provider.get();
    if (credentials === undefined) return {};
    return signRequest(unsigned, { credentials, region: given.region, service: 's3', now: new Date() });
  };
  return { location, sign };
}

/** For parameters; throws `store-uri/malformed`. */
const addressingStyleType: SettingType<AddressingStyle> = {
  format: value => value,
  toJson: byteStringFromText,
  parse(text, setting) {
    const style = addressingStyles.find(known => known === text);
    if (style !== undefined) return style;
    const message = `option '${setting}' has invalid value '${text}', expected 'auto', 'path', or 'virtual'`;
    throw new StoreError('store-uri/malformed', message);
  },
};

export interface S3Parameters {
  readonly profile: string;
  readonly region: string;
  readonly scheme: string;
  readonly endpoint: string;
  readonly style: AddressingStyle;
  readonly storageClass: string | undefined;
  /** Those that say where the bucket is, as messages and what is remembered have them; '' or with a question mark. */
  readonly shown: string;
}

export function takeS3Parameters(parameters: StoreParameters): S3Parameters {
  const storageClass = parameters.take('storage-class', stringType, '');
  const taken = {
    profile: parameters.take('profile', stringType, ''),
    region: parameters.take('region', stringType, 'us-east-1'),
    scheme: parameters.take('scheme', stringType, 'https'),
    endpoint: parameters.take('endpoint', stringType, ''),
    style: parameters.take('addressing-style', addressingStyleType, 'auto'),
    storageClass: storageClass === '' ? undefined : storageClass,
  };
  const places = [
    ['addressing-style', taken.style],
    ['endpoint', taken.endpoint],
    ['profile', taken.profile],
    ['region', taken.region],
    ['scheme', taken.scheme],
  ] as const;
  const query = places.filter(([name]) => parameters.has(name)).map(([name, value]) => `${name}=${value}`);
  return { ...taken, shown: query.length === 0 ? '' : `?${query.join('&')}` };
}

function takeMultipart(parameters: StoreParameters, warn: (text: string) => void): MultipartOptions | undefined {
  const isOn = parameters.take('multipart-upload', booleanType, false);
  const alias = Number(parameters.take('buffer-size', uint64Type, BigInt(minPartSize)));
  const partSize = Number(parameters.take('multipart-chunk-size', uint64Type, BigInt(alias)));
  const threshold = Number(parameters.take('multipart-threshold', uint64Type, 104_857_600n));
  const sizes = showSize(partSize);
  if (partSize < minPartSize || partSize > maxPartSize) {
    const bound = partSize < minPartSize ? `at least ${showSize(minPartSize)}` : `at most ${showSize(maxPartSize)}`;
    throw new StoreError('store-uri/malformed', `multipart-chunk-size must be ${bound}, got ${sizes}`);
  }
  if (isOn && threshold < partSize) {
    warn(
      `multipart-threshold (${showSize(threshold)}) is less than multipart-chunk-size (${sizes}), which may result in single-part multipart uploads`,
    );
  }
  return isOn ? { partSize, threshold } : undefined;
}
