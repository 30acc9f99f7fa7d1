// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells ThreadSanitizer of the order that GLib keeps between threads; preloaded by tests/tsan/run.
//
// TSan knows of two accesses that one comes before the other when it saw what lies between them: a
// lock, a thread's start, an atomic. The distribution's GLib is not built with TSan. Its GMutex and
// GCond are futexes and atomics of its own, so are reference counts, and its queues of sources and
// jobs are locked inside the library. TSan would report everything that one thread hands to another
// through them. So each function here is GLib's or GStreamer's, with a word to TSan before or
// after: release() where a thread hands something over, acquire() where another takes it.
//
// Nothing here hides an access of the project's code, it only adds the order that GLib documents.
// GRecMutex and GRWLock are pthread's, which TSan sees. They are here so that it takes the caller
// for this library: it does not look at the locks of a library that is named in a called_from_lib.
#include <dlfcn.h>
#include <gst/gst.h>

extern "C" {
// <sanitizer/tsan_interface.h>. Weak: programs that a test starts are preloaded too, without TSan.
[[gnu::weak]] void __tsan_acquire(void *address);
[[gnu::weak]] void __tsan_release(void *address);
}

static void acquire(gpointer address) {
  if (__tsan_acquire && address) __tsan_acquire(address);
}

static void release(gpointer address) {
  if (__tsan_release && address) __tsan_release(address);
}

/// The function that this one stands for.
#define NEXT(name) \
  static const auto next = reinterpret_cast<decltype(&(name))>(dlsym(RTLD_NEXT, #name))
#define EXPORTED __attribute__((visibility("default")))

static GMainContext *contextOrDefault(GMainContext *context) {
  return context ? context : g_main_context_default();
}

using Dispatch = gboolean (*)(GSource *, GSourceFunc, gpointer);

/// What a source's callback does comes after g_source_attach(). The functions of idle sources and
/// timeouts are a table that GLib exports, so that they need no callback of ours around each.
template <GSourceFuncs &functions>
static void watchDispatch() {
  static const Dispatch next = functions.dispatch;
  functions.dispatch = [](GSource *source, GSourceFunc callback, gpointer data) {
    acquire(source);
    return next(source, callback, data);
  };
}

[[gnu::constructor]] static void watchSources() {
  watchDispatch<g_idle_funcs>();
  watchDispatch<g_timeout_funcs>();
}

/// A pool's function with its argument; kept as long as the process.
struct PoolFunction {
  GFunc function;
  gpointer data;
};

static void runJob(gpointer job, gpointer data) {
  acquire(job);
  const auto *pool = static_cast<PoolFunction *>(data);
  pool->function(job, pool->data);
}

extern "C" {

EXPORTED void g_mutex_lock(GMutex *mutex) {
  NEXT(g_mutex_lock);
  next(mutex);
  acquire(mutex);
}

EXPORTED gboolean g_mutex_trylock(GMutex *mutex) {
  NEXT(g_mutex_trylock);
  const gboolean locked = next(mutex);
  if (locked) acquire(mutex);
  return locked;
}

EXPORTED void g_mutex_unlock(GMutex *mutex) {
  NEXT(g_mutex_unlock);
  release(mutex);
  next(mutex);
}

EXPORTED void g_cond_wait(GCond *condition, GMutex *mutex) {
  NEXT(g_cond_wait);
  release(mutex);
  next(condition, mutex);
  acquire(mutex);
}

EXPORTED gboolean g_cond_wait_until(GCond *condition, GMutex *mutex, gint64 deadline) {
  NEXT(g_cond_wait_until);
  release(mutex);
  const gboolean woken = next(condition, mutex, deadline);
  acquire(mutex);
  return woken;
}

#define CALLED_FROM_HERE(name, Lock) \
  EXPORTED void name(Lock *lock) {   \
    NEXT(name);                      \
    next(lock);                      \
  }

CALLED_FROM_HERE(g_rec_mutex_lock, GRecMutex)
CALLED_FROM_HERE(g_rec_mutex_unlock, GRecMutex)
CALLED_FROM_HERE(g_rw_lock_reader_lock, GRWLock)
CALLED_FROM_HERE(g_rw_lock_reader_unlock, GRWLock)
CALLED_FROM_HERE(g_rw_lock_writer_lock, GRWLock)
CALLED_FROM_HERE(g_rw_lock_writer_unlock, GRWLock)

EXPORTED gboolean g_rec_mutex_trylock(GRecMutex *mutex) {
  NEXT(g_rec_mutex_trylock);
  return next(mutex);
}

// The last reference's end comes after all the others'.
EXPORTED void g_object_unref(gpointer object) {
  NEXT(g_object_unref);
  release(object);
  acquire(object);
  next(object);
}

EXPORTED void gst_mini_object_unref(GstMiniObject *object) {
  NEXT(gst_mini_object_unref);
  release(object);
  acquire(object);
  next(object);
}

EXPORTED guint g_source_attach(GSource *source, GMainContext *context) {
  NEXT(g_source_attach);
  release(source);
  release(contextOrDefault(context));
  return next(source, context);
}

// The last one frees what was attached and has not run.
EXPORTED void g_main_context_unref(GMainContext *context) {
  NEXT(g_main_context_unref);
  release(context);
  acquire(context);
  next(context);
}

// GstHarness keeps in them what an element has pushed.
EXPORTED void g_async_queue_push(GAsyncQueue *queue, gpointer data) {
  NEXT(g_async_queue_push);
  release(queue);
  next(queue, data);
}

EXPORTED gpointer g_async_queue_try_pop(GAsyncQueue *queue) {
  NEXT(g_async_queue_try_pop);
  const gpointer data = next(queue);
  acquire(queue);
  return data;
}

EXPORTED gpointer g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout) {
  NEXT(g_async_queue_timeout_pop);
  const gpointer data = next(queue, timeout);
  acquire(queue);
  return data;
}

EXPORTED GThreadPool *g_thread_pool_new(GFunc function, gpointer data, gint threads,
                                        gboolean exclusive, GError **error) {
  NEXT(g_thread_pool_new);
  return next(runJob, new PoolFunction{function, data}, threads, exclusive, error);
}

EXPORTED gboolean g_thread_pool_push(GThreadPool *pool, gpointer job, GError **error) {
  NEXT(g_thread_pool_push);
  release(job);
  return next(pool, job, error);
}

}  // extern "C"
