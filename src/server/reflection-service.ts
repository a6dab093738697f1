import { type DescFile, create, createRegistry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { type Route, bidiStreaming, statusCodes } from '../grpc/index.ts';
import { alphaReflectionMethods, reflectionMethods, reflectionV1, reflectionV1alpha } from '../proto/index.ts';

type Request = reflectionV1.ServerReflectionRequest | reflectionV1alpha.ServerReflectionRequest;

/** Server reflection, v1 and v1alpha, of services that are among the messages of `files`. */
export function reflectionRoutes(services: readonly string[], files: readonly DescFile[]): Route[] {
  const known = new FileIndex(files);
  const answer = (request: Request) => ({
    validHost: request.host,
    messageResponse: answerOf(request.messageRequest, services, known),
  });
  return [
    bidiStreaming(reflectionMethods.serverReflectionInfo, async function* (requests) {
      for await (const request of requests) {
        yield create(reflectionV1.ServerReflectionResponseSchema, { ...answer(request), originalRequest: request });
      }
    }),
    bidiStreaming(alphaReflectionMethods.serverReflectionInfo, async function* (requests) {
      for await (const request of requests) {
        yield create(reflectionV1alpha.ServerReflectionResponseSchema, {
          ...answer(request),
          originalRequest: request,
        });
      }
    }),
  ];
}

function answerOf({ case: kind, value }: Request['messageRequest'], services: readonly string[], known: FileIndex) {
  switch (kind) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: services.map(name => ({ name })) } } as const;
    case 'fileByFilename':
      return fileResponse(known.byName(value), `no file '${value}'`);
    case 'fileContainingSymbol':
      return fileResponse(known.bySymbol(value), `no symbol '${value}'`);
    case 'fileContainingExtension':
    case 'allExtensionNumbersOfType':
      return failure(statusCodes.notFound, 'there are no extensions');
    case undefined:
      break;
  }
  return failure(statusCodes.invalidArgument, 'a request that asks for nothing');
}

function fileResponse(file: DescFile | undefined, absence: string) {
  if (file === undefined) return failure(statusCodes.notFound, absence.slice(0, 300));
  // Each file before those that it imports, so that the one that was asked for comes first.
  const all = new Set<DescFile>();
  const add = (each: DescFile) => {
    for (const dependency of each.dependencies) if (!all.has(dependency)) add(dependency);
    all.add(each);
  };
  add(file);
  const fileDescriptorProto = [...all].toReversed().map(each => toBinary(FileDescriptorProtoSchema, each.proto));
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } } as const;
}

function failure(errorCode: number, errorMessage: string) {
  return { case: 'errorResponse', value: { errorCode, errorMessage } } as const;
}

class FileIndex {
  readonly #registry: ReturnType<typeof createRegistry>;
  readonly #byName = new Map<string, DescFile>();

  constructor(files: readonly DescFile[]) {
    this.#registry = createRegistry(...files);
    for (const file of files) this.#add(file);
  }

  #add(file: DescFile): void {
    const name = file.proto.name;
    if (this.#byName.has(name)) return;
    this.#byName.set(name, file);
    for (const dependency of file.dependencies) this.#add(dependency);
  }

  byName(name: string): DescFile | undefined {
    return this.#byName.get(name);
  }

  /** Also of a method or a field: by what it belongs to. */
  bySymbol(symbol: string): DescFile | undefined {
    const found = this.#registry.get(symbol) ?? this.#registry.get(symbol.slice(0, symbol.lastIndexOf('.')));
    return found?.file;
  }
}
