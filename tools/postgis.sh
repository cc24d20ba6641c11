#!/bin/sh
# PostgreSQL with PostGIS from the distribution, unless a database is given or it is there already.
set -eu
[ -z "${GRIDMGMT_DATABASE_URL:-}" ] || exit 0
for control in /usr/share/postgresql/*/extension/postgis.control; do
    [ -e "$control" ] && exit 0
done
if command -v pg_config >/dev/null && [ -e "$(pg_config --sharedir)/extension/postgis.control" ]; then exit 0; fi
. tools/packages.sh
echo "Installing PostgreSQL and PostGIS … 正在安装 PostgreSQL 与 PostGIS …"
install_packages postgresql postgresql-postgis || {
    echo "Or set GRIDMGMT_DATABASE_URL to a PostGIS database you have. 或设置 GRIDMGMT_DATABASE_URL 指向已有的 PostGIS 数据库。" >&2
    exit 1; }
