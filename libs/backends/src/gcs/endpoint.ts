/** Google's own. */
export const GOOGLE_ENDPOINT = 'https://storage.googleapis.com';
