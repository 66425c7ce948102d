# One image for every process. Without arguments it runs all of Spumoni, as `npm start` does: Postgres, the API and the worker.
FROM node:24-bookworm-slim AS build
WORKDIR /spumoni
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY apps ./apps
COPY libs ./libs
RUN npm run build

FROM node:24-bookworm-slim AS packages
WORKDIR /spumoni
COPY package.json package-lock.json ./
# The image has Node 24 itself; the packaged one is for machines that have not.
RUN npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    SPUMONI_HOST=0.0.0.0 \
    SPUMONI_DATA_DIR=/data
WORKDIR /spumoni
COPY --from=packages /spumoni/node_modules ./node_modules
COPY --from=build /spumoni/dist ./dist
COPY package.json LICENSE ./
# 1000 is the image's own unprivileged account, node; Postgres refuses to run as root anyway.
RUN mkdir /data && chown 1000:1000 /data && chmod 700 /data
USER 1000:1000
VOLUME /data
EXPOSE 8080
# What stops first to last needs up to a minute; give `docker stop` as long: --time=60.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SPUMONI_API_PORT||8080}/readyz`).then((answer)=>process.exit(answer.ok?0:1),()=>process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/apps/supervisor/src/main.js"]
