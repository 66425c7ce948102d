import { Module } from '@nestjs/common';
import { ObjectEndpoint } from './object-endpoint.js';

/** The object level of `/v1`: the data path. */
@Module({ providers: [ObjectEndpoint], exports: [ObjectEndpoint] })
export class ObjectsModule {}
