// The proxy of ECS Service Connect, in the network namespace of one task: a process of its own beside the pause program.
//
// Connections to a client alias (127.255.0.x and its port) are led here by nf_tables, so that no port of the task's own
// servers is taken. The address that was meant says which alias it is; one of the alias's targets is dialled, in turn.
// A target that does not take the connection is passed over for a while, and the next is dialled at once. What it knows
// is told by `pause connect`, a further process in the container, and replaces what it knew before; open connections
// stay. It goes on by itself while nobody tells it anything.
//
// One line per alias: `address port protocol idle-seconds name target...`; protocol is `http` (told with 503 that nobody
// answers) or `tcp`; idle-seconds 0 means for ever; a target is `address:port`.
#define _GNU_SOURCE
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PROXY_PORT = 51680, MOST_LINKS = 8192, DIAL_MS = 1000, EJECTED_MS = 30000, REFUSAL_MS = 1000, EJECTIONS = 256 };
enum { MOST_TEXT = 4 << 20, ORIGINAL_DESTINATION = 80 };
static const char control_name[] = "\0homeport-connect";

struct endpoint {
  in_addr_t address;
  in_port_t port;
};
struct alias {
  struct endpoint at;
  int http;
  unsigned idle_s, next, count;
  const char *name;
  struct endpoint *targets;
};
struct config {
  unsigned holders, count;
  char *text;
  struct alias *aliases;
  struct endpoint *targets;
};
struct side {
  struct link *link;
  int fd;
  unsigned watched;  // by epoll; 0 when it is not in there
  int ended, shut;   // it said all it had to say; it was told so by the other
  char *pending;     // for it, when it does not read as fast as the other writes
  size_t at, size;
};
enum stage { DIALLING, OPEN, REFUSING, DEAD };
struct link {
  struct side client, server;
  struct config *config;
  struct alias *alias;
  struct endpoint target;
  enum stage stage;
  unsigned tries;
  int64_t since;  // of the dialling or the refusal; of the last byte once it is open
  struct link *before, *after;
};
struct ejection {
  struct endpoint target;
  int64_t until;
};

static struct config *current;
static struct link links = {.before = &links, .after = &links}, *dead;
static struct ejection ejections[EJECTIONS];
static unsigned link_count, next_ejection;
static int poll_fd, listener_fd, control_fd, full;

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- what it says ----

static char line[512];
static size_t line_size;

static void add(const char *text) {
  size_t size = strlen(text);
  if (size > sizeof line - line_size) size = sizeof line - line_size;
  memcpy(line + line_size, text, size);
  line_size += size;
}

static void add_endpoint(struct endpoint which) {
  char text[INET_ADDRSTRLEN], digits[6], *at = digits + 5;
  unsigned port = ntohs(which.port);
  *at = 0;
  do *--at = (char)('0' + port % 10);
  while (port /= 10);
  add(inet_ntop(AF_INET, &which.address, text, sizeof text));
  add(":");
  add(at);
}

static void say_line(void) {
  add("\n");
  line[sizeof line - 1] = '\n';
  (void)!write(2, line, line_size);
  line_size = 0;
}

static int same(struct endpoint one, struct endpoint other) {
  return one.address == other.address && one.port == other.port;
}

// ---- what it knows ----

static void let_go(struct config *config) {
  if (!config || --config->holders) return;
  free(config->text), free(config->aliases), free(config->targets), free(config);
}

static int read_number(const char *text, unsigned most, unsigned *number) {
  char *end;
  unsigned long value = text ? strtoul(text, &end, 10) : 0;
  if (!text || !*text || *end || value > most) return -1;
  return *number = (unsigned)value, 0;
}

static int read_endpoint(const char *address, const char *port, struct endpoint *endpoint) {
  unsigned number;
  struct in_addr found;
  if (!address || read_number(port, 65535, &number) < 0 || inet_pton(AF_INET, address, &found) != 1) return -1;
  *endpoint = (struct endpoint){found.s_addr, htons((in_port_t)number)};
  return 0;
}

static int read_alias(char *text, struct alias *alias, struct endpoint *targets) {
  char *place, *address = strtok_r(text, " ", &place), *port = strtok_r(0, " ", &place);
  const char *protocol = strtok_r(0, " ", &place), *idle = strtok_r(0, " ", &place);
  alias->name = strtok_r(0, " ", &place);
  if (read_endpoint(address, port, &alias->at) < 0 || read_number(idle, 1u << 31, &alias->idle_s) < 0) return -1;
  if (!alias->name) return -1;
  alias->http = !strcmp(protocol, "http");
  alias->targets = targets;
  for (char *target; (target = strtok_r(0, " ", &place)); alias->count++) {
    char *colon = strchr(target, ':');
    if (!colon) return -1;
    *colon = 0;
    if (read_endpoint(target, colon + 1, targets + alias->count) < 0) return -1;
  }
  return 0;
}

static struct config *read_config(char *text, size_t size) {  // takes the text over; 0 when it is not one
  struct config *config = calloc(1, sizeof *config);
  size_t lines = 1, words = 1;
  char *place;
  for (size_t at = 0; at < size; at++) lines += text[at] == '\n', words += text[at] == ' ';
  if (!config) return free(text), (struct config *)0;
  config->holders = 1;
  config->text = text;
  config->aliases = calloc(lines, sizeof *config->aliases);
  config->targets = calloc(words, sizeof *config->targets);
  struct endpoint *targets = config->targets;
  int wrong = !config->aliases || !targets;
  for (char *each = strtok_r(text, "\n", &place); each && !wrong; each = strtok_r(0, "\n", &place)) {
    struct alias *alias = config->aliases + config->count++;
    wrong = read_alias(each, alias, targets) < 0;
    targets += alias->count;
  }
  if (wrong) return let_go(config), (struct config *)0;
  return config;
}

static struct alias *find_alias(struct config *config, struct endpoint at) {
  for (unsigned i = 0; config && i < config->count; i++)
    if (same(config->aliases[i].at, at)) return config->aliases + i;
  return 0;
}

static void forgive(struct endpoint target) {
  for (unsigned i = 0; i < EJECTIONS; i++)
    if (same(ejections[i].target, target)) ejections[i].until = 0;
}

static void say_count(struct alias *alias) {
  char digits[11], *at = digits + 10;
  unsigned count = alias->count;
  *at = 0;
  do *--at = (char)('0' + count % 10);
  while (count /= 10);
  line_size = 0;
  add("service connect: "), add(alias->name), add(" has "), add(at), add(alias->count == 1 ? " endpoint" : " endpoints");
  say_line();
}

static void take(struct config *config) {  // whose turn it is stays; a target that is new has failed nobody yet
  for (unsigned i = 0; i < config->count; i++) {
    struct alias *alias = config->aliases + i, *before = find_alias(current, alias->at);
    alias->next = before ? before->next : (unsigned)now_ms();
    for (unsigned j = 0; j < alias->count; j++) {
      int known = 0;
      for (unsigned k = 0; before && k < before->count; k++) known |= same(before->targets[k], alias->targets[j]);
      if (!known) forgive(alias->targets[j]);
    }
    if (!before || before->count != alias->count) say_count(alias);
  }
  let_go(current);
  current = config;
}

static void eject(struct link *link) {
  forgive(link->target);
  ejections[next_ejection++ % EJECTIONS] = (struct ejection){link->target, now_ms() + EJECTED_MS};
}

static int is_ejected(struct endpoint target, int64_t now) {
  for (unsigned i = 0; i < EJECTIONS; i++)
    if (ejections[i].until > now && same(ejections[i].target, target)) return 1;
  return 0;
}

static struct endpoint choose(struct alias *alias) {  // the next in turn that has not failed of late, else the next
  int64_t now = now_ms();
  unsigned first = alias->next % alias->count, at = first;
  while (is_ejected(alias->targets[at], now))
    if ((at = (at + 1) % alias->count) == first) break;
  alias->next = at + 1;
  return alias->targets[at];
}

// ---- links: a client's connection and the one that was dialled for it ----

static void watch(struct side *side, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = side};
  if (events == side->watched || side->fd < 0) return;
  epoll_ctl(poll_fd, !side->watched ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, side->fd, &event);
  side->watched = events;
}

static void listen_again(int yes) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener_fd};
  if (full != yes) return;
  epoll_ctl(poll_fd, yes ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_fd, &event);
  full = !yes;
}

static void close_side(struct side *side, int abruptly) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  if (side->fd < 0) return;
  if (abruptly) setsockopt(side->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(side->fd);
  side->fd = -1, side->watched = 0;
  free(side->pending);
  side->pending = 0;
}

static void end_link(struct link *link, int abruptly) {  // freed once no event that is in hand can name it
  if (link->stage == DEAD) return;
  close_side(&link->client, abruptly), close_side(&link->server, abruptly);
  link->stage = DEAD;
  link->before->after = link->after, link->after->before = link->before;
  link->after = dead, dead = link;
  let_go(link->config);
  link_count--;
  listen_again(1);
}

static void refuse_client(struct link *link) {
  static const char head[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n";
  static const char nobody[] = "Content-Length: 19\r\n\r\nno healthy upstream";
  static const char refused[] = "Content-Length: 91\r\n\r\nupstream connect error or disconnect/reset before headers. "
                                "reset reason: connection failure";
  const char *body = link->alias->count ? refused : nobody;
  line_size = 0;
  add("service connect: "), add(link->alias->name);
  add(link->alias->count ? ": none of its endpoints takes connections" : ": it has no healthy endpoint");
  say_line();
  if (!link->alias->http) {
    end_link(link, 1);
    return;
  }
  (void)!write(link->client.fd, head, sizeof head - 1);
  (void)!write(link->client.fd, body, strlen(body));
  shutdown(link->client.fd, SHUT_WR);
  link->stage = REFUSING, link->since = now_ms();
  watch(&link->client, EPOLLIN);
}

static void dial(struct link *link) {
  int yes = 1;
  while (link->tries < 2 * link->alias->count) {
    link->tries++;
    link->target = choose(link->alias);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = link->target.port};
    to.sin_addr.s_addr = link->target.address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) break;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) {
      link->server.fd = fd, link->since = now_ms();
      watch(&link->server, EPOLLOUT);
      return;
    }
    close(fd);
    eject(link);
  }
  refuse_client(link);
}

static void dial_failed(struct link *link, int error) {
  line_size = 0;
  add("service connect: "), add(link->alias->name), add(": endpoint "), add_endpoint(link->target);
  add(" does not take connections: "), add(strerror(error));
  say_line();
  eject(link);
  close_side(&link->server, 0);
  dial(link);
}

static void watch_both(struct link *link) {
  struct side *sides[] = {&link->client, &link->server};
  for (int i = 0; i < 2; i++) {
    struct side *side = sides[i], *other = sides[1 - i];
    watch(side, (!side->ended && !other->pending ? EPOLLIN : 0u) | (side->pending ? EPOLLOUT : 0u));
  }
}

static void opened(struct link *link) {
  forgive(link->target);
  link->stage = OPEN, link->since = now_ms();
  watch_both(link);
}

static int push(struct side *to, const char *data, size_t size) {  // how much it took; -1 when it has gone
  size_t done = 0;
  while (done < size) {
    ssize_t part = send(to->fd, data + done, size - done, MSG_NOSIGNAL);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return errno == EAGAIN ? (int)done : -1;
    done += (size_t)part;
  }
  return (int)done;
}

static int tell_end(struct side *from, struct side *to) {  // once the one has said all and the other has got it
  if (!from->ended || to->pending || to->shut) return 0;
  to->shut = 1;
  return shutdown(to->fd, SHUT_WR) < 0 && errno != ENOTCONN ? -1 : 0;
}

static int carry(struct side *from, struct side *to) {  // -1 when the link has broken
  static char buffer[65536];
  ssize_t size = read(from->fd, buffer, sizeof buffer);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  from->ended = size == 0;
  if (size > 0) {
    int done = push(to, buffer, (size_t)size);
    if (done < 0) return -1;
    if (done < size) {
      to->at = 0, to->size = (size_t)(size - done);
      if (!(to->pending = malloc(to->size))) return -1;
      memcpy(to->pending, buffer + done, to->size);
    }
  }
  return tell_end(from, to);
}

static int flush(struct side *to, struct side *from) {
  int done = push(to, to->pending + to->at, to->size - to->at);
  if (done < 0) return -1;
  to->at += (size_t)done;
  if (to->at < to->size) return 0;
  free(to->pending);
  to->pending = 0;
  return tell_end(from, to);
}

static void moved(struct side *side, unsigned events) {
  struct link *link = side->link;
  struct side *other = side == &link->client ? &link->server : &link->client;
  int error = 0, broken = 0;
  socklen_t size = sizeof error;
  if (link->stage == DEAD || side->fd < 0) return;
  if (link->stage == REFUSING) {
    char rest[4096];
    ssize_t got = read(side->fd, rest, sizeof rest);
    if (got == 0 || (got < 0 && errno != EAGAIN)) end_link(link, 0);
    return;
  }
  if (link->stage == DIALLING) {
    if (getsockopt(side->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
    if (error) dial_failed(link, error);
    else if (events & EPOLLOUT) opened(link);
    return;
  }
  link->since = now_ms();
  if (events & EPOLLOUT && side->pending) broken = flush(side, other) < 0;
  if (!broken && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !side->ended && !other->pending)
    broken = carry(side, other) < 0;
  else if (events & EPOLLERR) broken = 1;
  if (broken) end_link(link, 1);
  else if (side->ended && other->ended && side->shut && other->shut) end_link(link, 0);
  else watch_both(link);
}

static void accept_clients(void) {
  for (int round = 0; round < 64; round++) {
    struct sockaddr_in meant;
    socklen_t size = sizeof meant;
    int yes = 1, fd = link_count < MOST_LINKS ? accept4(listener_fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
    if (fd < 0) {
      if (link_count && (link_count >= MOST_LINKS || errno == EMFILE || errno == ENFILE)) listen_again(0);
      return;
    }
    struct alias *alias = 0;
    if (getsockopt(fd, SOL_IP, ORIGINAL_DESTINATION, &meant, &size) == 0)
      alias = find_alias(current, (struct endpoint){meant.sin_addr.s_addr, meant.sin_port});
    struct link *link = alias ? calloc(1, sizeof *link) : 0;
    if (!link) {
      close_side(&(struct side){.fd = fd}, 1);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    link->client = (struct side){.link = link, .fd = fd};
    link->server = (struct side){.link = link, .fd = -1};
    link->config = current, current->holders++;
    link->alias = alias;
    link->before = &links, link->after = links.after;
    links.after->before = link, links.after = link;
    link_count++;
    dial(link);
  }
}

static void look_at_time(void) {
  int64_t now = now_ms();
  for (struct link *link = links.after, *after; link != &links; link = after) {
    after = link->after;
    int64_t age = now - link->since;
    if (link->stage == DIALLING && age >= DIAL_MS) dial_failed(link, ETIMEDOUT);
    else if (link->stage == REFUSING && age >= REFUSAL_MS) end_link(link, 0);
    else if (link->stage == OPEN && link->alias->idle_s && age >= (int64_t)link->alias->idle_s * 1000)
      end_link(link, 0);
  }
}

// ---- what it is told ----

static void hear(void) {
  struct timeval patience = {.tv_sec = 2};
  struct ucred caller = {0};
  socklen_t size = sizeof caller;
  int fd = accept4(control_fd, 0, 0, SOCK_CLOEXEC);
  if (fd < 0) return;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // A process of another container of the task is none of ours: it has no number here.
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &size) < 0 || !caller.pid) {
    close(fd);
    return;
  }
  size_t room = 4096, used = 0;
  char *text = malloc(room);
  ssize_t part = -1;
  while (text && used < MOST_TEXT && (part = read(fd, text + used, room - used - 1)) > 0)
    if ((used += (size_t)part) == room - 1) {
      char *larger = realloc(text, room *= 2);
      if (!larger) free(text);
      text = larger;
    }
  if (!text || part != 0) {
    free(text), close(fd);
    return;
  }
  text[used] = 0;
  struct config *config = read_config(text, used);
  if (config) take(config);
  (void)!write(fd, config ? "taken" : "wrong", 5);
  close(fd);
}

static socklen_t control_address(struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(address->sun_path, control_name, sizeof control_name - 1);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof control_name - 1);
}

const char *proxy_tell(char **words) {
  struct sockaddr_un address;
  socklen_t size = control_address(&address);
  char answer[5] = {0};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0) return "the proxy does not run";
  for (; *words; words++)
    for (size_t sent = 0, all = strlen(*words); sent < all;) {
      ssize_t part = write(fd, *words + sent, all - sent);
      if (part < 0) return "the proxy stopped listening";
      sent += (size_t)part;
    }
  shutdown(fd, SHUT_WR);
  if (read(fd, answer, sizeof answer) != sizeof answer) return "the proxy did not answer";
  return memcmp(answer, "taken", sizeof answer) ? "the proxy does not understand it" : 0;
}

// ---- its life ----

const char *proxy_listen(void) {
  struct sockaddr_un control;
  socklen_t size = control_address(&control);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PROXY_PORT)};
  int yes = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener_fd < 0 || control_fd < 0) return "open the proxy's sockets";
  setsockopt(listener_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener_fd, (struct sockaddr *)&address, sizeof address) < 0) return "bind the proxy";
  if (listen(listener_fd, 1024) < 0) return "listen for the proxy";
  if (bind(control_fd, (struct sockaddr *)&control, size) < 0 || listen(control_fd, 8) < 0) return "bind its control";
  return 0;
}

void proxy_serve(void) {
  static struct epoll_event events[256];
  struct epoll_event listening = {.events = EPOLLIN, .data.ptr = &listener_fd};
  struct epoll_event hearing = {.events = EPOLLIN, .data.ptr = &control_fd};
  struct rlimit files;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGCHLD, SIG_DFL);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) files.rlim_cur = files.rlim_max, setrlimit(RLIMIT_NOFILE, &files);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener_fd, &listening) < 0) _exit(1);
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, control_fd, &hearing) < 0) _exit(1);
  int64_t looked = now_ms();
  for (;;) {
    int count = epoll_wait(poll_fd, events, 256, link_count ? 250 : -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == &listener_fd) accept_clients();
      else if (events[i].data.ptr == &control_fd) hear();
      else moved(events[i].data.ptr, events[i].events);
    }
    if (now_ms() - looked >= 250) look_at_time(), looked = now_ms();
    for (struct link *after; dead; dead = after) after = dead->after, free(dead);
  }
}
