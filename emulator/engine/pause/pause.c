// The pause program: first process of every task's network namespace.
//
// Without HOMEPORT_RELAY it only waits: it reaps zombies and leaves with 0 at once on SIGTERM or SIGINT.
// With HOMEPORT_RELAY=unix:/path or tcp:host:port it also makes 169.254.170.2:80, where AWS SDKs look for task
// metadata and credentials, lead to the emulator. It adds nothing to the stream. Every connection dials anew, so an
// emulator that was restarted is found again. Needs NET_ADMIN. With HOMEPORT_RELAY_NAME the dialling unix socket bears
// the abstract name "homeport:<name>:<number>", by which the emulator knows whose task asks.
//
// It must not listen on port 80 itself: a listener on any address makes a web server's bind to 0.0.0.0:80 fail in the
// whole namespace. So it listens on port 51679 (the ECS agent's own) and has nf_tables translate 80 to that. A kernel
// without nf_tables is reported, and port 80 is then taken after all (needs NET_BIND_SERVICE).
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "names.h"
#include "proxy.h"

// Given the words `filter HEX...`, as a further process in a running pause container, it hands that nf_tables batch to
// the kernel and leaves with 0 once it has taken effect; else with 1 and the reason. Its own connections to the
// emulator bear a mark that such a filter lets through. Given `connect HEX... -- TEXT...` it hands over such a batch, if
// there is one, and tells the proxy of Service Connect the text; the proxy runs beside it with HOMEPORT_CONNECT. With
// HOMEPORT_NAMES a resolver runs beside it on 169.254.170.2:53 (names.c).

enum { RELAY_PORT = 51679, HTTP_PORT = 80, NAMES_PORT = 51653, DNS_PORT = 53, RELAY_MARK = 0x686f6d65 };
static const unsigned char relay_address[4] = {169, 254, 170, 2};

static void say(const char *text) {
  (void)!write(2, text, strlen(text));
}

static void fail(const char *what) {
  const char *why = strerror(errno);
  say("pause: cannot ");
  say(what);
  say(": ");
  say(why);
  say("\n");
  _exit(1);
}

static void leave(int signal) {
  (void)signal;
  _exit(0);
}

static pid_t proxy, names;

static void reap(int signal) {
  (void)signal;
  int saved = errno;
  for (pid_t ended; (ended = waitpid(-1, 0, WNOHANG)) > 0;)
    if (ended == proxy) {
      say("pause: the proxy of Service Connect has ended\n");
      _exit(1);  // and with it the task, which could reach nobody
    } else if (ended == names) {
      say("pause: the resolver has ended\n");
      _exit(1);
    }
  errno = saved;
}

// ---- nf_tables: `ip daddr 169.254.170.2 tcp dport 80 dnat to 169.254.170.2:51679` for locally made connections ----

static char batch[1 << 20];
static size_t batch_size;

static size_t put(const void *data, size_t size) {  // appends, padded to 4 bytes; where it begins
  size_t at = batch_size;
  memcpy(batch + at, data, size);
  batch_size += (size + 3) & ~(size_t)3;
  return at;
}

static void attribute(int type, const void *data, size_t size) {
  struct nlattr head = {.nla_len = (unsigned short)(sizeof head + size), .nla_type = (unsigned short)type};
  put(&head, sizeof head);
  put(data, size);
}

static void text(int type, const char *value) {
  attribute(type, value, strlen(value) + 1);
}

static void number(int type, unsigned value) {
  value = htonl(value);
  attribute(type, &value, sizeof value);
}

static size_t nest(int type) {
  struct nlattr head = {.nla_len = 0, .nla_type = (unsigned short)(type | NLA_F_NESTED)};
  return put(&head, sizeof head);
}

static void end(size_t start) {  // of a nest or of a message: both begin with their length, of 2 and 4 bytes
  unsigned short size = (unsigned short)(batch_size - start);
  memcpy(batch + start, &size, sizeof size);
}

static size_t message(int type, int flags, int family, int resource) {
  struct nlmsghdr head = {.nlmsg_type = (unsigned short)type, .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags)};
  struct nfgenmsg body = {(unsigned char)family, NFNETLINK_V0, htons((unsigned short)resource)};
  size_t start = put(&head, sizeof head);
  put(&body, sizeof body);
  return start;
}

static size_t expression(const char *name, size_t *data) {
  size_t start = nest(NFTA_LIST_ELEM);
  text(NFTA_EXPR_NAME, name);
  *data = nest(NFTA_EXPR_DATA);
  return start;
}

static void load(int base, unsigned offset, unsigned size) {
  size_t data, start = expression("payload", &data);
  number(NFTA_PAYLOAD_DREG, NFT_REG_1);
  number(NFTA_PAYLOAD_BASE, (unsigned)base);
  number(NFTA_PAYLOAD_OFFSET, offset);
  number(NFTA_PAYLOAD_LEN, size);
  end(data), end(start);
}

static void equals(const void *value, size_t size) {
  size_t data, start = expression("cmp", &data);
  number(NFTA_CMP_SREG, NFT_REG_1);
  number(NFTA_CMP_OP, NFT_CMP_EQ);
  size_t nested = nest(NFTA_CMP_DATA);
  attribute(NFTA_DATA_VALUE, value, size);
  end(nested), end(data), end(start);
}

static void immediate(unsigned reg, const void *value, size_t size) {
  size_t data, start = expression("immediate", &data);
  number(NFTA_IMMEDIATE_DREG, reg);
  size_t nested = nest(NFTA_IMMEDIATE_DATA);
  attribute(NFTA_DATA_VALUE, value, size);
  end(nested), end(data), end(start);
}

static void build_rule(unsigned char protocol, unsigned short from, unsigned short to) {
  from = htons(from), to = htons(to);
  size_t data, start, list = nest(NFTA_RULE_EXPRESSIONS);
  load(NFT_PAYLOAD_NETWORK_HEADER, 16, 4), equals(relay_address, 4);
  load(NFT_PAYLOAD_NETWORK_HEADER, 9, 1), equals(&protocol, 1);
  load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2), equals(&from, 2);
  immediate(NFT_REG_1, relay_address, 4);
  immediate(NFT_REG_2, &to, 2);
  start = expression("nat", &data);
  number(NFTA_NAT_TYPE, NFT_NAT_DNAT);
  number(NFTA_NAT_FAMILY, NFPROTO_IPV4);
  number(NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
  number(NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
  end(data), end(start), end(list);
}

static int send_batch(void) {  // 0, or -1 with errno
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), room = sizeof batch;
  char answer[1024];
  if (netlink < 0) return -1;
  struct timeval patience = {.tv_sec = 5};
  setsockopt(netlink, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (send(netlink, batch, batch_size, 0) < 0) return -1;
  ssize_t size = recv(netlink, answer, sizeof answer, 0);  // the first error, or the last acknowledgement
  close(netlink);
  struct nlmsgerr *result = NLMSG_DATA((struct nlmsghdr *)answer);
  if (size < (ssize_t)NLMSG_LENGTH(sizeof *result)) return errno = EPROTO, -1;
  return result->error ? (errno = -result->error, -1) : 0;
}

static int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int filter(char **words, const char *until) {
  for (; *words && strcmp(*words, until); words++)
    for (const char *at = *words; *at; at += 2) {
      int high = digit(at[0]), low = high < 0 ? -1 : digit(at[1]);
      errno = low < 0 ? EINVAL : E2BIG;
      if (low < 0 || batch_size == sizeof batch) fail("read the filter");
      batch[batch_size++] = (char)(high << 4 | low);
    }
  if (batch_size && send_batch() < 0) fail("filter packets");
  return 0;
}

static int connect_aliases(char **words) {
  filter(words, "--");
  while (*words && strcmp(*words, "--")) words++;
  const char *why = *words ? proxy_tell(words + 1) : "there is no --";
  if (!why) return 0;
  say("pause: ");
  say(why);
  say("\n");
  return 1;
}

static int beside(pid_t *process) {  // whether this is the new process; its end is never seen before its number is known
  sigset_t children;
  sigemptyset(&children), sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, 0);
  pid_t made = *process = fork();
  if (made < 0) fail("start a process");
  sigprocmask(SIG_UNBLOCK, &children, 0);
  return made == 0;
}

static void start_proxy(void) {
  const char *what = proxy_listen();
  if (what) fail(what);
  if (beside(&proxy)) proxy_serve();
}

static const char table[] = "homeport", chain[] = "output";

static void add_rule(unsigned char protocol, unsigned short from, unsigned short to, int flags) {
  size_t start = message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, NLM_F_CREATE | flags, NFPROTO_IPV4, 0);
  text(NFTA_RULE_TABLE, table);
  text(NFTA_RULE_CHAIN, chain);
  build_rule(protocol, from, to);
  end(start);
}

static int translate_ports(int resolves) {  // 0, or -1 with errno
  size_t start, hook;
  start = message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  end(start);
  start = message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_IPV4, 0);
  text(NFTA_TABLE_NAME, table);
  end(start);
  start = message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_IPV4, 0);
  text(NFTA_CHAIN_TABLE, table);
  text(NFTA_CHAIN_NAME, chain);
  hook = nest(NFTA_CHAIN_HOOK);
  number(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
  number(NFTA_HOOK_PRIORITY, (unsigned)-100);
  end(hook);
  text(NFTA_CHAIN_TYPE, "nat");
  end(start);
  if (resolves) add_rule(IPPROTO_UDP, DNS_PORT, NAMES_PORT, 0), add_rule(IPPROTO_TCP, DNS_PORT, NAMES_PORT, 0);
  add_rule(IPPROTO_TCP, HTTP_PORT, RELAY_PORT, NLM_F_ACK);
  start = message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  end(start);

  return send_batch();
}

// ---- the relay ----

static int listen_for_tasks(int resolves) {
  struct ifreq request = {.ifr_name = "lo:1"};
  struct sockaddr_in address = {.sin_family = AF_INET};
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  if (listener < 0) fail("open a socket");
  memcpy(&address.sin_addr, relay_address, 4);
  memcpy(&request.ifr_addr, &address, sizeof address);
  if (ioctl(listener, SIOCSIFADDR, &request) < 0) fail("add 169.254.170.2 to lo");
  ((struct sockaddr_in *)&request.ifr_netmask)->sin_addr.s_addr = 0xffffffff;
  if (ioctl(listener, SIOCSIFNETMASK, &request) < 0) fail("narrow 169.254.170.2 to /32");
  address.sin_port = htons(RELAY_PORT);
  unsigned short names_port = NAMES_PORT;
  if (translate_ports(resolves) < 0) {
    const char *why = strerror(errno);
    say("pause: nf_tables is not usable (");
    say(why);
    say("), so the relay takes port 80 itself and the task's containers cannot listen on 0.0.0.0:80\n");
    address.sin_port = htons(HTTP_PORT), names_port = DNS_PORT;
  }
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind to 169.254.170.2");
  if (listen(listener, 128) < 0) fail("listen on 169.254.170.2");
  const char *what = resolves ? names_listen(relay_address, names_port) : 0;
  if (what) fail(what);
  return listener;
}

static int name_socket(int upstream, const char *name) {  // numbers keep apart what is open at the same time
  struct sockaddr_un own = {.sun_family = AF_UNIX};
  char *end = own.sun_path + 1;
  end = stpcpy(stpcpy(stpcpy(end, "homeport:"), name), ":");
  char digits[10];
  size_t size = 0;
  for (unsigned number = (unsigned)getpid(); number || !size; number /= 10) digits[size++] = (char)('0' + number % 10);
  while (size) *end++ = digits[--size];
  for (char again = 'a'; again <= 'z'; again++) {  // a number comes again when all have been used
    *end = again;
    if (bind(upstream, (struct sockaddr *)&own, (socklen_t)(end + 1 - (char *)&own)) == 0) return 0;
  }
  return -1;
}

static int dial_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int upstream = socket(AF_UNIX, SOCK_STREAM, 0);
  const char *name = getenv("HOMEPORT_RELAY_NAME");
  if (name && *name && name_socket(upstream, name) < 0) say("pause: cannot name the relay's socket\n");
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return connect(upstream, (struct sockaddr *)&address, sizeof address) < 0 ? -1 : upstream;
}

static int dial_tcp(const char *target) {  // "host:port", "[::1]:port"
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *each;
  char host[256] = {0};
  const char *colon = strrchr(target, ':');
  size_t size = (size_t)(colon - target);
  if (target[0] == '[' && size > 2) target++, size -= 2;
  memcpy(host, target, size);
  if (getaddrinfo(host, colon + 1, &hints, &found)) return -1;
  for (each = found; each; each = each->ai_next) {
    int upstream = socket(each->ai_family, SOCK_STREAM, 0), mark = RELAY_MARK;
    setsockopt(upstream, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
    if (connect(upstream, each->ai_addr, each->ai_addrlen) == 0) return upstream;
    close(upstream);
  }
  return -1;
}

static void copy(int from, int to) {  // until one side ends; an error ends both directions
  static char buffer[65536];
  ssize_t size;
  while ((size = read(from, buffer, sizeof buffer)) > 0)
    for (ssize_t sent = 0, part; sent < size; sent += part)
      if ((part = write(to, buffer + sent, (size_t)(size - sent))) < 0) {
        size = -1;
        break;
      }
  shutdown(to, size < 0 ? SHUT_RDWR : SHUT_WR);
  if (size < 0) shutdown(from, SHUT_RDWR);
  _exit(0);
}

static void refuse(int client) {  // answers, then drains, so that the answer is not lost to a reset
  static const char answer[] =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 26\r\nConnection: close\r\n\r\n"
      "Homeport does not answer.\n";
  struct timeval patience = {.tv_sec = 1};
  char buffer[4096];
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)!read(client, buffer, sizeof buffer);
  (void)!write(client, answer, sizeof answer - 1);
  shutdown(client, SHUT_WR);
  while (read(client, buffer, sizeof buffer) > 0) {
  }
  _exit(0);
}

int dial_relay(const char *target) {
  return strncmp(target, "unix:", 5) ? dial_tcp(target + 4) : dial_unix(target + 5);
}

static void relay(int client, const char *target) {
  int upstream = dial_relay(target);
  if (upstream < 0) refuse(client);
  pid_t other = fork();
  if (other < 0) _exit(1);
  if (other == 0) copy(upstream, client);
  copy(client, upstream);
}

static void check_target(const char *target) {
  const char *colon = strrchr(target, ':');
  errno = EINVAL;
  if (!strncmp(target, "unix:/", 6) && strlen(target) - 5 < sizeof(struct sockaddr_un) - sizeof(sa_family_t)) return;
  if (!strncmp(target, "tcp:", 4) && colon > target + 4 && colon[1] && strlen(target) < 256) return;
  fail("read HOMEPORT_RELAY (unix:/path or tcp:host:port)");
}

static void check_name(const char *name) {
  errno = EINVAL;
  if (name && strlen(name) > 64) fail("read HOMEPORT_RELAY_NAME (64 characters at most)");
}

static void on(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
  sigaction(number, &action, 0);
}

int main(int count, char **words) {
  if (count > 2 && !strcmp(words[1], "filter")) return filter(words + 2, "");
  if (count > 2 && !strcmp(words[1], "connect")) return connect_aliases(words + 2);
  on(SIGTERM, leave), on(SIGINT, leave), on(SIGCHLD, reap), on(SIGPIPE, SIG_IGN);
  const char *target = getenv("HOMEPORT_RELAY");
  if (getenv("HOMEPORT_CONNECT")) start_proxy();
  if (!target || !*target)
    for (;;) pause();
  check_target(target), check_name(getenv("HOMEPORT_RELAY_NAME"));
  int resolves = getenv("HOMEPORT_NAMES") != 0, listener = listen_for_tasks(resolves);
  if (resolves && beside(&names)) close(listener), names_serve(target);
  for (;;) {
    int client = accept(listener, 0, 0);
    if (client < 0) continue;
    if (fork() == 0) {
      close(listener);
      relay(client, target);
    }
    close(client);
  }
}
