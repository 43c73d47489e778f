#!/bin/sh
# Installs one version of Rooney on this server, beside those that are there, and makes it current.
# Run as root: install.sh WHEEL [--no-switch] . Nothing is started or restarted, no secret is read.
# Running it again with the same wheel changes nothing. --no-switch only prepares the version.
#
# ROOT: prefix for all paths, for a try in a folder (then users and systemd are left alone).
# UV: the program `uv`; LOCK: the requirements with hashes, shipped beside the wheel; PYTHON: which
# one, such as 3.12.
set -eu
# Root's own may be stricter, and the user of the services has to read what is installed.
umask 022

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

switch=yes
wheel=""
for argument in "$@"; do
    case "$argument" in
        --no-switch) switch=no ;;
        -*) fail "unknown option $argument; only --no-switch is known" ;;
        *) [ -z "$wheel" ] || fail "one wheel at a time"; wheel=$argument ;;
    esac
done
[ -n "$wheel" ] || fail "give the wheel: install.sh rooney-VERSION-py3-none-any.whl"
[ -f "$wheel" ] || fail "$wheel is no file"
case "$(basename "$wheel")" in
    rooney-*-*.whl) ;;
    *) fail "$wheel is no wheel of rooney" ;;
esac

root=${ROOT:-}
lock=${LOCK:-$(dirname "$wheel")/live.lock}
[ -f "$lock" ] || fail "$lock is missing: the requirements with hashes, requirements/live.lock"
uv=${UV:-uv}
command -v "$uv" >/dev/null 2>&1 || fail "uv is needed; see https://docs.astral.sh/uv"
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || fail "run as root, or set ROOT to try it in a folder"

version=$(basename "$wheel" | cut -d- -f2)-$(sha256sum "$wheel" "$lock" | sha256sum | cut -c1-12)
home=$root/opt/rooney
target=$home/versions/$version

if [ -z "$root" ] && ! getent passwd rooney >/dev/null; then
    useradd --system --home-dir /var/lib/rooney --shell /usr/sbin/nologin rooney
fi

if [ ! -f "$target/.complete" ]; then
    # Whatever is there without the mark was cut off before; it is made anew.
    rm -rf "$target"
    mkdir -p "$target"
    # A Python that uv has to fetch must not lie in root's home: the services cannot look there.
    export UV_PYTHON_INSTALL_DIR="${UV_PYTHON_INSTALL_DIR:-$home/python}"
    "$uv" venv --quiet --python "${PYTHON:->=3.11}" "$target/.venv"
    interpreter=$(readlink -f "$target/.venv/bin/python")
    case "$interpreter" in
        "${HOME:-/nowhere}"/*)
            told="$interpreter lies in a home, where the services cannot look; set PYTHON to another"
            [ -n "$root" ] || fail "$told"
            echo "on a server this would fail: $told"
            ;;
    esac
    # Compiled here: the services write nothing there, and would compile at every start.
    "$uv" pip install --quiet --compile-bytecode --python "$target/.venv/bin/python" \
        --require-hashes -r "$lock"
    "$uv" pip install --quiet --compile-bytecode --python "$target/.venv/bin/python" \
        --no-deps "$wheel"
    deploy=$("$target/.venv/bin/python" -c 'import rooney_live.deploy as d; print(d.__path__[0])')
    cp "$deploy/RUNBOOK.md" "$target/RUNBOOK.md"
    cp "$deploy/JOURNAL.md" "$target/JOURNAL.md"
    mkdir -p "$target/units"
    cp "$deploy"/*.service "$deploy"/*.timer "$target/units/"
    "$target/.venv/bin/rooney-live" --help >/dev/null
    touch "$target/.complete"
fi

# Secrets are put there by a person; the folder is made so that nobody else can look.
install -d -m 0755 "$root/etc/rooney"
install -d -m 0700 "$root/etc/rooney/credentials"
for name in DATABENTO_API_KEY TRADERSPOST_WEBHOOK_URL; do
    file=$root/etc/rooney/credentials/$name
    [ -e "$file" ] || (umask 077 && : >"$file")
    chmod 0600 "$file"
done

echo "$version is ready in $target"
if [ "$switch" = no ]; then
    exit 0
fi

# A link is replaced in one step: there is a current version at every moment.
previous=$(readlink "$home/current" || true)
if [ -n "$previous" ] && [ "$previous" != "versions/$version" ]; then
    ln -sfn "$previous" "$home/previous.new"
    mv -T "$home/previous.new" "$home/previous"
fi
ln -sfn "versions/$version" "$home/current.new"
mv -T "$home/current.new" "$home/current"
install -d -m 0755 "$root/etc/systemd/system"
install -m 0644 "$target"/units/* "$root/etc/systemd/system/"
# Notices are a choice: systemd refuses to start a unit whose credential has no file.
for unit in rooney-live rooney-live-monitor; do
    own=$root/etc/systemd/system/$unit.service.d
    rm -f "$own/notices.conf"
    if [ -s "$root/etc/rooney/credentials/NOTIFY_URLS" ]; then
        chmod 0600 "$root/etc/rooney/credentials/NOTIFY_URLS"
        install -d -m 0755 "$own"
        printf '[Service]\nLoadCredential=NOTIFY_URLS:/etc/rooney/credentials/NOTIFY_URLS\n' \
            >"$own/notices.conf"
    fi
done
[ -n "$root" ] || systemctl daemon-reload
echo "current is $version; before it was ${previous:-nothing}. Nothing was restarted: see RUNBOOK.md"
