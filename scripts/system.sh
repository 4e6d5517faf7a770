# Shared by the set-up scripts: telling what is missing, and installing system packages where that is allowed.

fail() {
    echo "$*" >&2
    exit 1
}

# Install Debian packages as root or through sudo without a password; else tell which to install.
install_packages() {
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null && as_root="sudo -n" || fail "Please install: $*  (Debian and Ubuntu: sudo apt-get install $*)"
    fi
    command -v apt-get >/dev/null 2>&1 || fail "Please install with your system's packages: $*"
    echo "Installing $* ..."
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        fail "Could not install: $*"
}
