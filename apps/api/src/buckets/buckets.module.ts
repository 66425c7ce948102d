import { Module } from '@nestjs/common';
import { BucketPresenter } from './bucket-presenter.js';
import { BucketsController } from './buckets.controller.js';

/** The bucket level of `/v1`. */
@Module({ controllers: [BucketsController], providers: [BucketPresenter] })
export class BucketsModule {}
