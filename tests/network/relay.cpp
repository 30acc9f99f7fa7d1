// SPDX-License-Identifier: LGPL-2.1-or-later
// A bad network between two interfaces: forwards Ethernet frames, late, not all, not in order.
//
//   network-relay INTERFACE INTERFACE [OPTION=NUMBER]...
//
//   delay-ms=0      each way
//   loss=0          % of TCP and UDP packets, each way; ARP and ICMPv6 come through
//   loss-back=-1    from the second to the first; -1: as the other way
//   reorder=0       % of TCP and UDP packets that come reorder-ms later than the others
//   reorder-ms=20
//   rate-kbit=0     each way; 0: as fast as it goes
//   queue-ms=200    what waits longer than this for the rate is dropped
//   hold=0          1: nothing goes out, and nothing is lost, until it is 0 again
//   seed=1          the same packets are lost each time, counted from the first
//
// Options on a line of its standard input change it while it runs; "counts" prints what went
// through since the start, as does the end, which is that of its standard input. It says "ready".
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::nanoseconds;

constexpr unsigned kThere = 0, kBack = 1;
constexpr int kSocketBuffer = 8 << 20;
/// struct virtio_net_hdr, whose header is not for C++: it says which checksum the sender has left
/// to the network card. What is forwarded has it too, and so needs none.
constexpr std::size_t kCardHeader = 10;

std::map<std::string, double> options = {{"delay-ms", 0},   {"loss", 0},        {"loss-back", -1},
                                         {"reorder", 0},    {"reorder-ms", 20}, {"rate-kbit", 0},
                                         {"queue-ms", 200}, {"hold", 0},        {"seed", 1}};

nanoseconds milliseconds(const char *option) {
  return nanoseconds(static_cast<std::int64_t>(options[option] * 1e6));
}

bool setOption(const std::string &word) {
  const auto sign = word.find('=');
  if (sign == std::string::npos || !options.contains(word.substr(0, sign))) return false;
  options[word.substr(0, sign)] = std::atof(word.c_str() + sign + 1);
  return true;
}

struct Frame {
  std::array<char, kCardHeader + 65536> bytes;
  std::size_t size = 0;

  std::size_t length() const { return size - kCardHeader; }
  bool isTransport() const {
    const auto *packet = reinterpret_cast<const unsigned char *>(&bytes[kCardHeader]);
    const unsigned type = packet[12] << 8 | packet[13];
    const unsigned protocol = type == ETH_P_IP ? packet[23] : type == ETH_P_IPV6 ? packet[20] : 0;
    return protocol == IPPROTO_UDP || protocol == IPPROTO_TCP;
  }
};

int openInterface(const char *name) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  const int yes = 1;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(name));
  if (fd < 0 || address.sll_ifindex == 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) != 0 ||
      bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
    std::perror(name);
    std::exit(1);
  }
  packet_mreq all{address.sll_ifindex, PACKET_MR_PROMISC, 0, {}};
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBuffer, sizeof kSocketBuffer);
  return fd;
}

/// One direction.
class Way {
 public:
  Way(const char *name, int from, int to, unsigned number)
      : name_(name), from_(from), to_(to), number_(number) {
    seed();
  }

  void seed() { random_.seed(static_cast<unsigned>(options["seed"]) * 2 + number_); }

  int input() const { return from_; }

  void takeAll(Clock::time_point now) {
    for (Frame frame; receive(frame);)
      take(frame, now);
  }

  void sendDue(Clock::time_point now) {
    while (!isHeld() && !late_.empty() && late_.begin()->first <= now) {
      const std::string &bytes = late_.begin()->second;
      // A frame that its interface does not take is as lost as on a cable.
      if (write(to_, bytes.data(), bytes.size()) < 0) ++refused_;
      late_.erase(late_.begin());
    }
  }

  Clock::time_point next() const {
    return late_.empty() || isHeld() ? Clock::time_point::max() : late_.begin()->first;
  }

  std::string counts() const {
    std::ostringstream text;
    text << '"' << name_ << "\":{\"frames\":" << frames_ << ",\"bytes\":" << bytes_
         << ",\"lost\":" << lost_ << ",\"reordered\":" << reordered_ << ",\"full\":" << full_
         << ",\"refused\":" << refused_ << '}';
    return text.str();
  }

 private:
  static bool isHeld() { return options["hold"] != 0; }

  bool receive(Frame &frame) const {
    const auto size = recv(from_, frame.bytes.data(), frame.bytes.size(), MSG_DONTWAIT);
    frame.size = size > 0 ? static_cast<std::size_t>(size) : 0;
    return frame.size > kCardHeader + sizeof(ether_header) + sizeof(in6_addr);
  }

  /// Drawn for each packet, so that one option does not move what another one hits.
  bool chance(double percent) {
    return std::uniform_real_distribution<>(0, 100)(random_) < percent;
  }

  double loss() const {
    const double back = options["loss-back"];
    return number_ == kBack && back >= 0 ? back : options["loss"];
  }

  void take(const Frame &frame, Clock::time_point now) {
    ++frames_;
    bytes_ += frame.length();
    const bool transport = frame.isTransport();
    if (transport) {
      const bool lost = chance(loss()), reordered = chance(options["reorder"]);
      if (lost) {
        ++lost_;
        return;
      }
      if (reordered) {
        ++reordered_;
        now += milliseconds("reorder-ms");
      }
    }
    if (const double kbit = options["rate-kbit"]; kbit > 0) {
      const auto begin = std::max(now, free_);
      if (begin - now > milliseconds("queue-ms")) {
        ++full_;
        return;
      }
      free_ =
          begin +
          nanoseconds(static_cast<std::int64_t>(8e6 * static_cast<double>(frame.length()) / kbit));
      now = free_;
    }
    late_.emplace(now + milliseconds("delay-ms"), std::string(frame.bytes.data(), frame.size));
  }

  const char *const name_;
  const int from_, to_;
  const unsigned number_;
  std::mt19937 random_;
  std::multimap<Clock::time_point, std::string> late_;
  Clock::time_point free_{};  ///< when the last bit of what was taken is on the line
  unsigned long frames_ = 0, bytes_ = 0, lost_ = 0, reordered_ = 0, full_ = 0, refused_ = 0;
};

class Relay {
 public:
  Relay(const char *first, const char *second) {
    const int a = openInterface(first), b = openInterface(second);
    ways_.emplace_back("there", a, b, kThere);
    ways_.emplace_back("back", b, a, kBack);
  }

  void run() {
    say("ready");
    while (!ended_) {
      const auto next = std::min(ways_[0].next(), ways_[1].next());
      const auto wait = nanoseconds(
          std::max<std::int64_t>(0, duration_cast<nanoseconds>(next - Clock::now()).count()));
      const timespec time{static_cast<time_t>(wait.count() / 1'000'000'000),
                          static_cast<long>(wait.count() % 1'000'000'000)};
      pollfd inputs[] = {
          {ways_[0].input(), POLLIN, 0}, {ways_[1].input(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
      ppoll(inputs, 3, next == Clock::time_point::max() ? nullptr : &time, nullptr);
      const auto now = Clock::now();
      for (Way &way : ways_) {
        way.takeAll(now);
        way.sendDue(now);
      }
      if (inputs[2].revents) readInput();
    }
    printCounts();
  }

 private:
  static void say(const std::string &line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }

  void printCounts() const { say("counts {" + ways_[0].counts() + "," + ways_[1].counts() + "}"); }

  void readInput() {
    char bytes[4096];
    const auto size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size <= 0) {
      ended_ = true;
      return;
    }
    input_.append(bytes, static_cast<std::size_t>(size));
    for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      obey(input_.substr(0, end));
      input_.erase(0, end + 1);
    }
  }

  void obey(const std::string &line) {
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == "counts")
        printCounts();
      else if (!setOption(word))
        say("unknown " + word);
      else if (word.starts_with("seed="))
        for (Way &way : ways_)
          way.seed();
    }
    say("done");
  }

  std::vector<Way> ways_;
  std::string input_;
  bool ended_ = false;
};

}  // namespace

int main(int argc, char **argv) {
  bool understood = argc >= 3;
  for (int i = 3; i < argc; ++i)
    understood = setOption(argv[i]) && understood;
  if (!understood) {
    std::fprintf(stderr, "usage: %s INTERFACE INTERFACE [OPTION=NUMBER]...\n", argv[0]);
    return 2;
  }
  Relay(argv[1], argv[2]).run();
}
