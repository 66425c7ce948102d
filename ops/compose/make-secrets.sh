#!/bin/sh
# make-secrets.sh [DIRECTORY]: makes the secrets of docker-compose.yml, each a file that only the account of the service that reads it can read. What is there already stays as it is.
# Run it as root, since Docker mounts the files with the owners they have. Back up master_key apart from everything else: without it no credential opens.
set -eu
umask 077
directory=${1:-$(dirname "$0")/../../secrets}
mkdir -p "$directory"
spumoni=1000
database=999

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# keep NAME ACCOUNT: what comes in becomes the secret NAME, unless it is there.
keep() {
  if [ ! -e "$directory/$1" ]; then
    cat >"$directory/$1.new"
    mv "$directory/$1.new" "$directory/$1"
  fi
  chmod 400 "$directory/$1"
  if [ "$(id -u)" = 0 ]; then chown "$2:$2" "$directory/$1"; fi
}
secret() { cat "$directory/$1"; }

random 32 | keep master_key $spumoni
random 24 | keep root_secret_key $spumoni

random 24 | keep postgres_password $database
printf 'postgresql://spumoni:%s@postgres:5432/spumoni' "$(secret postgres_password)" | keep postgres_url $spumoni

random 24 | keep redis_password $database
printf 'redis://:%s@redis:6379/0' "$(secret redis_password)" | keep redis_url $spumoni

random 24 | keep mongodb_password $database
# By which the members of the replica set know each other.
random 300 | keep mongodb_key $database
printf 'mongodb://spumoni:%s@mongodb-1:27017,mongodb-2:27017,mongodb-3:27017/spumoni?replicaSet=spumoni&authSource=admin' \
  "$(secret mongodb_password)" | keep mongodb_url $spumoni

random 24 | keep minio_password $spumoni

echo "The secrets are in $directory. The administrator's access key is root, the secret key is in root_secret_key."
if [ "$(id -u)" != 0 ]; then echo "Not run as root: give the files to accounts $spumoni and $database as this script says, or run it again as root." >&2; fi
