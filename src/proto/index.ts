/**
 * proto: generated protobuf messages and services: REAPI v2, Remote Asset, ByteStream, long-running operations, health,
 * reflection. Generated from proto/ by `npm run build:proto`.
 */
export { highApiVersion, lowApiVersion } from './api-version.ts';
