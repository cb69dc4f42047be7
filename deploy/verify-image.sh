#!/bin/sh
# Does by hand what the Dockerfile says, where no container engine runs: builds from the context that .dockerignore leaves, puts what the
# last stage copies into an empty root, and runs it there, chrooted, as the Dockerfile's user, on a file system that cannot be written.
# Needs Linux, root, Go, make and curl.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
    echo "verify-image: chroot needs root" >&2
    exit 1
fi

work=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    umount "$work/root" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
fail() { echo "verify-image: $*" >&2; exit 1; }

# The build stage, in its context.
mkdir -p "$work/src" "$work/root"
tar -c --anchored --no-wildcards-match-slash -X .dockerignore -- * | tar -x -C "$work/src"
make -s -C "$work/src" build VERSION=v0.0.0-verify GITHASH=abc1234 STAMP=2026-01-01T00:00:00Z

# The last stage.
sed -n 's/^COPY --from=build \([^ ]*\) \([^ ]*\)$/\1 \2/p' Dockerfile | while read -r from to; do
    case $from in /src/*) from=$work$from ;; esac
    install -D "$from" "$work/root$to"
done
user=$(sed -n 's/^USER //p' Dockerfile)
health=$(sed -n 's/^HEALTHCHECK .*CMD \[\(.*\)\]$/\1/p' Dockerfile | tr -d '",')
entrypoint=$(sed -n 's/^ENTRYPOINT \["\(.*\)"\]$/\1/p' Dockerfile)
[ -n "$user" ] && [ -n "$health" ] && [ -n "$entrypoint" ] || fail "the Dockerfile lacks USER, HEALTHCHECK or ENTRYPOINT"
echo "the image's files, $(du -sh "$work/root" | cut -f1) in all:"
(cd "$work/root" && find . -type f)
mount --bind "$work/root" "$work/root"
mount -o remount,ro,bind "$work/root"
chroot=$(command -v chroot)

# It knows its version.
version=$(env -i "$chroot" --userspec="$user" "$work/root" "$entrypoint" -version)
echo "$version"
[ "$version" = "ecs-api v0.0.0-verify (abc1234, 2026-01-01T00:00:00Z)" ] || fail "the version is not that of the build"

# Without a config it says what to do, and is not healthy.
if message=$(env -i "$chroot" --userspec="$user" "$work/root" "$entrypoint" 2>&1); then fail "it ran without a config"; fi
echo "$message"

# It serves, as its user, is healthy, and ends on SIGTERM.
port=$((20000 + $$ % 20000))
env -i ECS_API_LISTEN_ADDRESS=":$port" "$chroot" --userspec="$user" "$work/root" "$entrypoint" -local -listen ":$port" >"$work/stdout" 2>"$work/stderr" &
server=$!
healthy() { env -i ECS_API_LISTEN_ADDRESS=":$port" "$chroot" --userspec="$user" "$work/root" $health; }
tries=0
until healthy 2>"$work/health"; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat "$work/health" "$work/stderr" >&2; fail "it never became healthy"; }
    sleep 0.1
done
echo "healthy: $health exits 0"
uid=$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$server/status")
[ "$uid" = "${user%%:*}" ] || fail "it runs as $uid, not as $user"
echo "it runs as user $uid"
status=$(curl -s -o "$work/response" -w '%{http_code}' -H 'X-Auth-Token: local' --data @api/openapi/example.json "http://127.0.0.1:$port/v1/ecs/local/services")
[ "$status" = 200 ] || { cat "$work/response" >&2; fail "creating a service returned $status"; }
echo "creating a service returned 200"
kill -TERM "$server"
wait "$server" || fail "it ended with status $? on SIGTERM"
server=
if message=$(healthy 2>&1); then fail "it is healthy though it ended"; fi
echo "ended; then: $message"
[ -z "$(find "$work/root" -newer "$work/stdout" -type f)" ] || fail "it wrote into its root"
echo "the image's steps work"
