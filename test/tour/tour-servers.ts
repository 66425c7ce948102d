import { startAzurite, startFakeGcs, startMinio } from '../servers/index.js';

/** MinIO, Azurite and fake-gcs-server, as a tour's commands find them in their environment. */
export interface TourServers {
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts the three servers at once; if one fails, the others are stopped before the failure is passed on. */
export async function startTourServers(): Promise<TourServers> {
  const [startingMinio, startingAzurite, startingGcs] = [startMinio(), startAzurite(), startFakeGcs()];
  const stop = async () => {
    const all = await Promise.allSettled([startingMinio, startingAzurite, startingGcs]);
    await Promise.all(all.flatMap((one) => (one.status === 'fulfilled' ? [one.value.stop()] : [])));
  };
  try {
    const [minio, azurite, gcs] = await Promise.all([startingMinio, startingAzurite, startingGcs]);
    const environment = {
      MINIO_URL: minio.endpoint,
      MINIO_ACCESS_KEY: minio.credentials.accessKey,
      MINIO_SECRET_KEY: minio.credentials.secretKey,
      AZURE_URL: azurite.endpoint,
      AZURE_ACCOUNT: azurite.credentials.accountName,
      AZURE_KEY: azurite.credentials.accountKey,
      GCS_URL: gcs.endpoint,
      GCS_PROJECT: gcs.credentials.projectId,
    };
    return { environment, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
