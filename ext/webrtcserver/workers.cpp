// SPDX-License-Identifier: LGPL-2.1-or-later
// The worker pool and its strands.
#include "workers.h"

namespace gws {

struct PooledJob {
  Job job;
};

Workers::Workers() {
  auto run = [](gpointer data, gpointer self) {
    {
      std::unique_ptr<PooledJob> pooled(static_cast<PooledJob *>(data));
      pooled->job();
    }
    static_cast<Workers *>(self)->finishJob();
  };
  pool_ = g_thread_pool_new(run, this, -1, FALSE, nullptr);
}

Workers::~Workers() {
  waitIdle();
  g_thread_pool_free(pool_, FALSE, TRUE);
}

void Workers::run(Job job) {
  {
    Lock lock(mutex_);
    jobs_++;
  }
  // Cannot fail in a way that loses the job: without a new thread it waits for one of the others.
  g_thread_pool_push(pool_, new PooledJob{std::move(job)}, nullptr);
}

void Workers::waitIdle() {
  Lock lock(mutex_);
  while (jobs_ > 0)
    idle_.wait(mutex_);
}

void Workers::finishJob() {
  Lock lock(mutex_);
  if (--jobs_ == 0) idle_.notifyAll();
}

void Strand::post(Job job) {
  {
    Lock lock(mutex_);
    jobs_.push_back(std::move(job));
    if (running_) return;
    running_ = true;
  }
  workers_.run([self = shared_from_this()] { self->runAll(); });
}

void Strand::runAll() {
  while (true) {
    Job job;
    {
      Lock lock(mutex_);
      if (jobs_.empty()) {
        running_ = false;
        return;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace gws
