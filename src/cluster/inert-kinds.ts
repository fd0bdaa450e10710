/**
 * Kinds that the cluster stores and that none of its components acts on yet, as `group/Kind`. Who creates one is told
 * so. An entry goes when its component comes.
 */
export const INERT_KINDS: ReadonlySet<string> = new Set([
  '/LimitRange',
  '/PersistentVolume',
  '/PersistentVolumeClaim',
  '/ResourceQuota',
  'admissionregistration.k8s.io/MutatingAdmissionPolicy',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'apiregistration.k8s.io/APIService',
  'apps/DaemonSet',
  'autoscaling/HorizontalPodAutoscaler',
  'batch/CronJob',
  'batch/Job',
  'certificates.k8s.io/CertificateSigningRequest',
  'networking.k8s.io/Ingress',
  'networking.k8s.io/NetworkPolicy',
  'policy/PodDisruptionBudget',
  'storage.k8s.io/VolumeAttachment',
]);
