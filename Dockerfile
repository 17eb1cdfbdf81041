# The product as it runs: Node on the TypeScript as it stands, packages of production only, as user `node`.
# It writes to the volume /data alone, and needs neither a shell nor anything else of its system but Node: see
# docs/operations/container.md.

# The version of the devDependency `node` in package.json.
FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app
ENV NODE_ENV=production

FROM base AS build
COPY package.json package-lock.json ./
# npm counts TypeScript as an optional peer of i18next too, so that only both omits leave it out. No package here needs
# its install script. Then goes what serves compilers, editors and other platforms alone; licences stay.
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
 && cd node_modules \
 && rm -rf better-sqlite3/deps better-sqlite3/src better-sqlite3/node_modules \
 && find better-sqlite3/prebuilds -type f ! -name "linux-$(node -p process.arch).node" -delete \
 && find . -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete
COPY . .
# Runs the app until it has served its first page, for the compile cache that it leaves when it stops. Node keeps one for
# each user id, so it runs as the image will. Its database and its secrets end with this stage.
USER node
RUN set -e; mkdir /tmp/warming; \
    export SANDBOX=true BASE_URL=http://localhost:31000 PORT=31000 SANDBOX_PORT=31001 \
      DATABASE_URL=sqlite:/tmp/warming/warming.db \
      SESSION_SECRETS="$(head -c 32 /dev/urandom | base64)" TOKEN_KEYS="k1:$(head -c 32 /dev/urandom | base64)"; \
    NODE_COMPILE_CACHE=/tmp/compile-cache node src/main.ts & app=$!; \
    until node -e "fetch(process.env.BASE_URL).catch(() => process.exit(1))"; do kill -0 $app; done; \
    kill -TERM $app; wait $app; \
    chmod -R a+rX /tmp/compile-cache

FROM base
LABEL org.opencontainers.image.title="Dinero Connect" \
      org.opencontainers.image.description="Connects a customer's Dinero company through Visma Connect, and keeps it connected" \
      org.opencontainers.image.version="0.4.0"
# Nothing in it installs packages, and a new volume belongs to user 1000, whose name is `node`.
RUN rm -rf /usr/local/lib/node_modules /usr/local/include /opt/yarn-* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && install -d -o 1000 -g 1000 -m 700 /data
COPY --from=build /app/node_modules node_modules
# All belongs to root, so that the app cannot change what it will run next time. The lockfile stays out: whoever looks
# for weaknesses would take the tools that it lists for installed.
COPY package.json ./
COPY docs docs
COPY migrations migrations
COPY public public
COPY views views
COPY src src
# Under another user id, or on a processor with other features than the one it was built on, Node does not find it and
# starts without.
COPY --from=build --chown=0:0 /tmp/compile-cache .compile-cache
ENV DATABASE_URL=sqlite:/data/dinero-connect.db NODE_COMPILE_CACHE=/app/.compile-cache
VOLUME /data
EXPOSE 3000
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node is process 1 and gets SIGTERM itself, without a shell. It may take 25 seconds to finish: docker stop --time 30.
ENTRYPOINT ["node"]
CMD ["src/main.ts"]
