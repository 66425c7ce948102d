export * from './vendors.js';
