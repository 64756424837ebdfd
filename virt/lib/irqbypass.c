// SPDX-License-Identifier: GPL-2.0-only
/*
 * IRQ bypass manager: connects the producer of an interrupt to its consumer, so that
 * the interrupt can be delivered without the host. Both have the same token; see
 * <linux/irqbypass.h>.
 *
 * Producers and consumers are looked up by token, in a time that does not depend on
 * how many there are.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/irqbypass.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("IRQ bypass manager utility module");

/* Guards both arrays and the connections. Callbacks are called with it held. */
static DEFINE_MUTEX(bypass_lock);

/*
 * Not charged to the caller's memory cgroup: an allocation that reclaims from one
 * cgroup would hold up all VMs of the host, which share bypass_lock.
 */
static DEFINE_XARRAY(producers);
static DEFINE_XARRAY(consumers);

/* A token is the address of an object, so its lowest bits are zero. */
static unsigned long bypass_index(void *token)
{
	return (unsigned long)token / sizeof(u64);
}

static void bypass_stop(struct irq_bypass_producer *producer,
			struct irq_bypass_consumer *consumer)
{
	if (producer->stop)
		producer->stop(producer);
	if (consumer->stop)
		consumer->stop(consumer);
}

static void bypass_start(struct irq_bypass_producer *producer,
			 struct irq_bypass_consumer *consumer)
{
	if (consumer->start)
		consumer->start(consumer);
	if (producer->start)
		producer->start(producer);
}

static int bypass_add(struct irq_bypass_producer *producer,
		      struct irq_bypass_consumer *consumer)
{
	int ret;

	if (producer->add_consumer) {
		ret = producer->add_consumer(producer, consumer);
		if (ret)
			return ret;
	}

	ret = consumer->add_producer(consumer, producer);
	if (ret && producer->del_consumer)
		producer->del_consumer(producer, consumer);
	return ret;
}

static int bypass_connect(struct irq_bypass_producer *producer,
			  struct irq_bypass_consumer *consumer)
{
	int ret;

	bypass_stop(producer, consumer);
	ret = bypass_add(producer, consumer);
	bypass_start(producer, consumer);
	return ret;
}

static void bypass_disconnect(struct irq_bypass_producer *producer,
			      struct irq_bypass_consumer *consumer)
{
	bypass_stop(producer, consumer);
	consumer->del_producer(consumer, producer);
	if (producer->del_consumer)
		producer->del_consumer(producer, consumer);
	bypass_start(producer, consumer);
}

/**
 * irq_bypass_register_producer() - Offer an interrupt to the consumer of its token.
 * @producer: The interrupt. Must stay valid until it is unregistered.
 *
 * Connects the two once both are registered.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL if there is no token; -EBUSY if another producer has the token;
 * -ENOMEM; or the error of a callback that failed to connect. After an error the
 * producer is not registered, and unregistering it does nothing.
 */
int irq_bypass_register_producer(struct irq_bypass_producer *producer)
{
	unsigned long index = bypass_index(producer->token);
	struct irq_bypass_consumer *consumer;
	int ret;

	if (!index)
		return -EINVAL;

	guard(mutex)(&bypass_lock);
	ret = xa_insert(&producers, index, producer, GFP_KERNEL);
	if (ret)
		return ret;

	consumer = xa_load(&consumers, index);
	if (consumer)
		ret = bypass_connect(producer, consumer);
	if (ret)
		xa_erase(&producers, index);
	return ret;
}
EXPORT_SYMBOL_GPL(irq_bypass_register_producer);

/**
 * irq_bypass_unregister_producer() - No longer offer an interrupt.
 * @producer: The interrupt; need not be registered.
 *
 * Context: May sleep.
 */
void irq_bypass_unregister_producer(struct irq_bypass_producer *producer)
{
	unsigned long index = bypass_index(producer->token);
	struct irq_bypass_consumer *consumer;

	if (!index)
		return;

	guard(mutex)(&bypass_lock);
	if (xa_load(&producers, index) != producer)
		return;

	consumer = xa_load(&consumers, index);
	if (consumer)
		bypass_disconnect(producer, consumer);
	xa_erase(&producers, index);
}
EXPORT_SYMBOL_GPL(irq_bypass_unregister_producer);

/**
 * irq_bypass_register_consumer() - Ask for the interrupt of a token.
 * @consumer: The consumer. Must stay valid until it is unregistered.
 *
 * Connects the two once both are registered.
 *
 * Context: May sleep.
 * Return: As irq_bypass_register_producer(); also -EINVAL if a mandatory callback is
 * missing.
 */
int irq_bypass_register_consumer(struct irq_bypass_consumer *consumer)
{
	unsigned long index = bypass_index(consumer->token);
	struct irq_bypass_producer *producer;
	int ret;

	if (!index || !consumer->add_producer || !consumer->del_producer)
		return -EINVAL;

	guard(mutex)(&bypass_lock);
	ret = xa_insert(&consumers, index, consumer, GFP_KERNEL);
	if (ret)
		return ret;

	producer = xa_load(&producers, index);
	if (producer)
		ret = bypass_connect(producer, consumer);
	if (ret)
		xa_erase(&consumers, index);
	return ret;
}
EXPORT_SYMBOL_GPL(irq_bypass_register_consumer);

/**
 * irq_bypass_unregister_consumer() - No longer want the interrupt of a token.
 * @consumer: The consumer; need not be registered.
 *
 * Context: May sleep.
 */
void irq_bypass_unregister_consumer(struct irq_bypass_consumer *consumer)
{
	unsigned long index = bypass_index(consumer->token);
	struct irq_bypass_producer *producer;

	if (!index)
		return;

	guard(mutex)(&bypass_lock);
	if (xa_load(&consumers, index) != consumer)
		return;

	producer = xa_load(&producers, index);
	if (producer)
		bypass_disconnect(producer, consumer);
	xa_erase(&consumers, index);
}
EXPORT_SYMBOL_GPL(irq_bypass_unregister_consumer);
