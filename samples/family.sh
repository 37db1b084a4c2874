# shellcheck shell=bash
# shellcheck disable=SC2154 # parent and arch are set by build.sh
# shellcheck disable=SC2016 # what stands in single quotes is expanded inside the image
# The recipes of the sample systems, in the order of truth.tsv. Sourced by build.sh, which
# explains the words: `from PARENT NAME`, `install`, `run`, `put`, `setting`, `done_image NOTE`.
# The first word of a name, up to the hyphen, is the suite that its packages come from.

# The suites to read package lists of; build.sh prepares one apt configuration for each.
# shellcheck disable=SC2034 # used by build.sh
suites="bookworm trixie bullseye forky sid"

readonly BASE_NAME=org.opencontainers.image.base.name
readonly BASE_DIGEST=org.opencontainers.image.base.digest

# Two ways in which real images tell their base: a label, which a child inherits with the rest of
# the configuration even though it then names the wrong image; and manifest annotations, which
# belong to one image only.
base_label() { setting LABEL "$BASE_NAME=$parent"; }
base_annotation() {
  setting ANNOTATION "$BASE_NAME=$parent"
  setting ANNOTATION "$BASE_DIGEST=@parent-digest"
}

debian_base() {
  from - "$1-base"
  base "$1"
  setting ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  setting CMD '["bash"]'
  done_image "base: Debian $1, minimal, no documentation"
}

# --- web applications on Python, in both suites the same steps ---

python_image() {
  from "$1-base" "$1-python"
  setting ENV LANG=C.UTF-8
  setting ENV PYTHONUNBUFFERED=1
  install python3
  setting CMD '["python3"]'
}

webapp_steps() {
  install python3-flask gunicorn
  run 'useradd --system --create-home --home-dir /srv/webapp --shell /usr/sbin/nologin webapp'
  put webapp /srv/webapp
  # What a build server writes: the one thing here that no two builds have in common.
  run 'date -u -d "@$SOURCE_DATE_EPOCH" "+{\"built\": \"%FT%TZ\"}" >/srv/webapp/build-info.json'
  run 'python3 -m compileall -q --invalidation-mode timestamp /srv/webapp'
}

webapp_settings() {
  setting WORKDIR /srv/webapp
  setting USER webapp
  setting EXPOSE 8000/tcp
  setting ENTRYPOINT '["gunicorn", "--bind=0.0.0.0:8000"]'
  setting CMD '["app:application"]'
}

python_family() {
  python_image bookworm
  base_label
  done_image "label base.name"

  from bookworm-python bookworm-webapp
  webapp_steps
  webapp_settings
  base_label
  done_image "label base.name"

  from bookworm-webapp bookworm-webapp-nginx
  setting USER root
  install nginx-light
  run 'rm -rf /etc/nginx/sites-available /etc/nginx/sites-enabled /etc/nginx/snippets
    rm -rf /etc/nginx/conf.d && mkdir /etc/nginx/conf.d
    rm -rf /var/www && mkdir -p /var/www/html'
  put webapp-nginx /etc/nginx/conf.d
  setting EXPOSE 80/tcp
  setting ENTRYPOINT '["/bin/sh", "-c"]'
  setting CMD '["gunicorn --daemon --user=webapp app:application && exec nginx -g \"daemon off;\""]'
  done_image "python and nginx; opaque directories; label base.name inherited, names the grandparent"

  from bookworm-webapp-nginx bookworm-webapp-tidy
  run 'rm -rf /usr/share/doc /usr/share/zoneinfo /usr/share/perl5 /usr/share/bash-completion
    rm -rf /var/lib/apt /usr/lib/apt && rm -f /usr/bin/apt* /usr/share/common-licenses/GFDL*
    find /usr/lib/python3 /usr/lib/python3.11 -depth -name __pycache__ -exec rm -rf {} +'
  done_image "clean-up layer: deletes files of base and parents"

  from_flat bookworm-webapp bookworm-python bookworm-webapp-squashed
  webapp_settings
  done_image "squashed: all of bookworm-webapp in one layer, shares no layer"

  from bookworm-python bookworm-webapp-rebuilt
  later
  webapp_steps
  webapp_settings
  done_image "rebuilt: the steps of bookworm-webapp two months later; label base.name inherited"
}

# --- web servers ---

nginx_image() {
  from "$1-base" "$1-nginx"
  install nginx
  run 'ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log'
  setting EXPOSE 80/tcp
  setting STOPSIGNAL SIGQUIT
  setting CMD '["nginx", "-g", "daemon off;"]'
}

php_family() {
  nginx_image bookworm
  base_label
  done_image "label base.name"

  from bookworm-nginx bookworm-php
  install php-fpm
  setting CMD '["/bin/sh", "-c", "php-fpm8.2 && exec nginx -g \"daemon off;\""]'
  done_image "nginx and PHP; label base.name inherited, names the grandparent"

  from bookworm-php bookworm-blog
  install php-sqlite3 php-mbstring php-xml php-curl sqlite3
  run 'rm -rf /var/www/html && mkdir /var/www/html'
  put blog /var/www/html
  setting WORKDIR /var/www/html
  setting VOLUME /var/lib/blog
  setting LABEL org.opencontainers.image.title=blog
  base_annotation
  done_image "opaque directory; annotation base.name and base.digest"
}

# --- databases ---

# The cluster is made when the container starts, and a private key is nothing for an image.
postgres_image() {
  from "$1-base" "$1-postgres"
  install_then "sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' \
/etc/postgresql-common/createcluster.conf
    find /etc/ssl/certs -lname '*snakeoil*' -delete
    rm -f /etc/ssl/certs/ssl-cert-snakeoil.pem /etc/ssl/private/ssl-cert-snakeoil.key" \
    postgresql-common
  install "postgresql-$2"
  setting ENV "PG_MAJOR=$2"
  setting ENV PGDATA=/var/lib/postgresql/data
  setting VOLUME /var/lib/postgresql/data
  setting EXPOSE 5432/tcp
  setting STOPSIGNAL SIGINT
  setting USER postgres
  setting CMD "[\"/usr/lib/postgresql/$2/bin/postgres\"]"
}

database_family() {
  postgres_image bookworm 15
  done_image ""

  from bookworm-postgres bookworm-postgres-python
  install postgresql-plpython3-15
  done_image "the Python of bookworm-python as well, but not its layer"

  from bookworm-base bookworm-redis
  install redis-server
  setting VOLUME /data
  setting WORKDIR /data
  setting EXPOSE 6379/tcp
  setting CMD '["redis-server", "--protected-mode", "no"]'
  done_image ""
}

# --- languages and build tools ---

node_steps() {
  install nodejs
  setting ENV NODE_ENV=production
  setting CMD '["node"]'
}

java_image() {
  from "$1-base" "$1-java"
  install "openjdk-$2-jre-headless"
  setting ENV "JAVA_HOME=/usr/lib/jvm/java-$2-openjdk-$arch"
  setting CMD '["java", "-version"]'
}

language_family() {
  from bookworm-base bookworm-node
  node_steps
  base_annotation
  done_image "annotation base.name and base.digest"

  from bookworm-base bookworm-build
  install build-essential
  done_image ""

  from bookworm-build bookworm-node-build
  node_steps
  run 'useradd --create-home node'
  put node-service /home/node
  setting USER node
  setting WORKDIR /home/node
  setting CMD '["node", "server.js"]'
  done_image "the packages of bookworm-node on build tools"

  from bookworm-build bookworm-go
  install_then 'rm -rf /usr/share/go-*/test
    find /usr/share/go-*/src -depth -name testdata -exec rm -rf {} +' golang-go
  setting ENV GOPATH=/go
  setting ENV PATH=/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  setting WORKDIR /go
  done_image ""

  java_image bookworm 17
  done_image ""

  from bookworm-java bookworm-tomcat
  install tomcat10
  setting EXPOSE 8080/tcp
  setting CMD '["/usr/libexec/tomcat10/tomcat-start.sh"]'
  done_image ""

  from bookworm-base bookworm-r
  install r-base-core
  setting ENV R_BASE_VERSION=4.2.2
  setting CMD '["R"]'
  done_image ""

  from bookworm-r bookworm-r-data
  install r-cran-jsonlite r-cran-data.table
  done_image ""

  from bookworm-base bookworm-perl
  install libmojolicious-perl libdbd-sqlite3-perl
  setting CMD '["mojo", "daemon"]'
  done_image ""
}

bookworm_family() {
  debian_base bookworm

  from bookworm-base bookworm-slim
  run 'mkdir /tmp/kept && cp -a /usr/share/zoneinfo/Etc /usr/share/zoneinfo/UTC /tmp/kept
    rm -rf /usr/share/zoneinfo && mkdir /usr/share/zoneinfo
    mv /tmp/kept/* /usr/share/zoneinfo && rmdir /tmp/kept
    rm -rf /usr/share/perl5 /usr/share/bash-completion /usr/share/doc /usr/share/bug
    rm -rf /usr/lib/x86_64-linux-gnu/gconv /usr/lib/udev'
  done_image "clean-up layer: deletes base files, one opaque directory"

  python_family
  php_family
  database_family
  language_family
}

# --- other suites ---

trixie_family() {
  debian_base trixie

  python_image trixie
  base_annotation
  done_image "annotation base.name and base.digest"

  from trixie-python trixie-webapp
  webapp_steps
  webapp_settings
  done_image "the steps of bookworm-webapp on the next release"

  nginx_image trixie
  done_image ""

  postgres_image trixie 17
  base_annotation
  done_image "annotation base.name and base.digest"

  from trixie-base trixie-node
  node_steps
  done_image ""

  java_image trixie 21
  done_image ""
}

bullseye_family() {
  debian_base bullseye

  from bullseye-base bullseye-python
  install python3 python3-requests
  setting CMD '["python3"]'
  done_image ""

  from bullseye-base bullseye-apache
  install apache2
  setting EXPOSE 80/tcp
  setting STOPSIGNAL SIGWINCH
  setting CMD '["apache2ctl", "-D", "FOREGROUND"]'
  base_label
  done_image "label base.name"

  from bullseye-apache bullseye-php
  install libapache2-mod-php php-mysql
  base_label
  done_image "label base.name"

  from bullseye-php bullseye-lamp
  install_then 'rm -rf /var/lib/mysql && mkdir -m 700 /var/lib/mysql
    chown mysql:mysql /var/lib/mysql' mariadb-server
  run 'rm -rf /var/www/html && mkdir /var/www/html'
  put blog /var/www/html
  setting EXPOSE 3306/tcp
  done_image "opaque directory; label base.name inherited, names the grandparent"
}

build_family() {
  bookworm_family
  trixie_family
  bullseye_family

  debian_base forky
  debian_base sid

  from sid-base sid-python
  install python3
  setting CMD '["python3"]'
  done_image "sid-base and forky-base are nearly the same: a hard case for finding bases"

  from - bookworm-busybox
  add_layer "ADD busybox-static" fill_busybox bookworm
  setting CMD '["sh"]'
  done_image "FROM scratch: one static program and its names"

  from bookworm-busybox bookworm-httpd
  put static-site /home
  setting EXPOSE 80/tcp
  setting CMD '["busybox", "httpd", "-f", "-h", "/home"]'
  done_image "a few pages on it"
}
