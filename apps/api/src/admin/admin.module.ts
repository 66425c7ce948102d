import { Module } from '@nestjs/common';

/** `/admin/v1`. */
@Module({})
export class AdminModule {}
