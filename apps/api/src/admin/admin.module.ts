import { Module } from '@nestjs/common';
import { AuditController } from './audit/audit.controller.js';
import { BackendsController } from './backends/backends.controller.js';
import { BackupController } from './backup/backup.controller.js';
import { EncryptionController } from './encryption/encryption.controller.js';
import { BucketEncryptionController } from './encryption/bucket-encryption.controller.js';
import { DeliveriesController } from './events/deliveries.controller.js';
import { EventsController } from './events/events.controller.js';
import { WebhooksController } from './events/webhooks.controller.js';
import { JobsController } from './jobs/jobs.controller.js';
import { KeysController } from './keys/keys.controller.js';
import { LifecycleController } from './lifecycle/lifecycle.controller.js';
import { LimitsController } from './limits/limits.controller.js';
import { MigrationsController } from './migrations/migrations.controller.js';
import { NamesController } from './names/names.controller.js';
import { OwnBuckets } from './own-buckets.js';
import { RetiersController } from './retiers/retiers.controller.js';
import { StatsController } from './stats/stats.controller.js';
import { TakeoversController } from './takeovers/takeovers.controller.js';
import { TiersController } from './tiers/tiers.controller.js';
import { PricesController } from './usage/prices.controller.js';
import { UsageController } from './usage/usage.controller.js';
import { UsersController } from './users/users.controller.js';
import { VendorsController } from './vendors/vendors.controller.js';

/** `/admin/v1`: what administrators do, and what users do with what is theirs. */
@Module({
  controllers: [
    BackendsController,
    VendorsController,
    NamesController,
    TiersController,
    UsersController,
    KeysController,
    MigrationsController,
    LifecycleController,
    LimitsController,
    RetiersController,
    TakeoversController,
    BucketEncryptionController,
    EncryptionController,
    JobsController,
    StatsController,
    AuditController,
    BackupController,
    UsageController,
    EventsController,
    WebhooksController,
    DeliveriesController,
    PricesController,
  ],
  providers: [OwnBuckets],
})
export class AdminModule {}
