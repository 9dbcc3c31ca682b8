"""Types of autoscaling's requests and answers, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand; at run time these are plain dicts.
"""

from __future__ import annotations

from typing import Required, TypedDict


class AcceleratorCountRequest(TypedDict, total=False):
    Min: int
    Max: int


class AcceleratorTotalMemoryMiBRequest(TypedDict, total=False):
    Min: int
    Max: int


class ActivitiesType(TypedDict, total=False):
    Activities: Required[list[Activity]]
    NextToken: str


class Activity(TypedDict, total=False):
    ActivityId: Required[str]
    AutoScalingGroupName: Required[str]
    Description: str
    Cause: Required[str]
    StartTime: Required[float]
    EndTime: float
    StatusCode: Required[str]
    StatusMessage: str
    Progress: int
    Details: str
    AutoScalingGroupState: str
    AutoScalingGroupARN: str


ActivityType = TypedDict(
    "ActivityType",
    {
        "Activity": "Activity",
        "Activities": "list[Activity]",
    },
    total=False,
)


class Alarm(TypedDict, total=False):
    AlarmName: str
    AlarmARN: str


class AlarmSpecification(TypedDict, total=False):
    Alarms: list[str]


class AttachInstancesQuery(TypedDict, total=False):
    InstanceIds: list[str]
    AutoScalingGroupName: Required[str]


AutoScalingGroup = TypedDict(
    "AutoScalingGroup",
    {
        "AutoScalingGroupName": "Required[str]",
        "AutoScalingGroupARN": "str",
        "LaunchConfigurationName": "str",
        "LaunchTemplate": "LaunchTemplateSpecification",
        "MixedInstancesPolicy": "MixedInstancesPolicy",
        "MinSize": "Required[int]",
        "MaxSize": "Required[int]",
        "DesiredCapacity": "Required[int]",
        "PredictedCapacity": "int",
        "DefaultCooldown": "Required[int]",
        "AvailabilityZones": "Required[list[str]]",
        "AvailabilityZoneIds": "list[str]",
        "LoadBalancerNames": "list[str]",
        "TargetGroupARNs": "list[str]",
        "HealthCheckType": "Required[str]",
        "HealthCheckGracePeriod": "int",
        "Instances": "list[Instance]",
        "CreatedTime": "Required[float]",
        "SuspendedProcesses": "list[SuspendedProcess]",
        "PlacementGroup": "str",
        "VPCZoneIdentifier": "str",
        "EnabledMetrics": "list[EnabledMetric]",
        "Status": "str",
        "Tags": "list[TagDescription]",
        "TerminationPolicies": "list[str]",
        "NewInstancesProtectedFromScaleIn": "bool",
        "ServiceLinkedRoleARN": "str",
        "MaxInstanceLifetime": "int",
        "CapacityRebalance": "bool",
        "WarmPoolConfiguration": "WarmPoolConfiguration",
        "WarmPoolSize": "int",
        "Context": "str",
        "DesiredCapacityType": "str",
        "DefaultInstanceWarmup": "int",
        "TrafficSources": "list[TrafficSourceIdentifier]",
        "InstanceMaintenancePolicy": "InstanceMaintenancePolicy",
        "DeletionProtection": "str",
        "AvailabilityZoneDistribution": "AvailabilityZoneDistribution",
        "AvailabilityZoneImpairmentPolicy": "AvailabilityZoneImpairmentPolicy",
        "CapacityReservationSpecification": "CapacityReservationSpecification",
        "InstanceLifecyclePolicy": "InstanceLifecyclePolicy",
        "Operator": "Operator",
    },
    total=False,
)


class AutoScalingGroupNamesType(TypedDict, total=False):
    AutoScalingGroupNames: list[str]
    IncludeInstances: bool
    IncludeManagedResources: bool
    NextToken: str
    MaxRecords: int
    Filters: list[Filter]


class AutoScalingGroupsType(TypedDict, total=False):
    AutoScalingGroups: Required[list[AutoScalingGroup]]
    NextToken: str


class AutoScalingInstanceDetails(TypedDict, total=False):
    InstanceId: Required[str]
    InstanceType: str
    AutoScalingGroupName: Required[str]
    AvailabilityZone: Required[str]
    AvailabilityZoneId: str
    LifecycleState: Required[str]
    HealthStatus: Required[str]
    LaunchConfigurationName: str
    LaunchTemplate: LaunchTemplateSpecification
    ImageId: str
    ProtectedFromScaleIn: Required[bool]
    WeightedCapacity: str


class AutoScalingInstancesType(TypedDict, total=False):
    AutoScalingInstances: list[AutoScalingInstanceDetails]
    NextToken: str


class AvailabilityZoneDistribution(TypedDict, total=False):
    CapacityDistributionStrategy: str


class AvailabilityZoneImpairmentPolicy(TypedDict, total=False):
    ZonalShiftEnabled: bool
    ImpairedZoneHealthCheckBehavior: str


class BaselineEbsBandwidthMbpsRequest(TypedDict, total=False):
    Min: int
    Max: int


class BaselinePerformanceFactorsRequest(TypedDict, total=False):
    Cpu: CpuPerformanceFactorRequest


BlockDeviceMapping = TypedDict(
    "BlockDeviceMapping",
    {
        "VirtualName": "str",
        "DeviceName": "Required[str]",
        "Ebs": "Ebs",
        "NoDevice": "bool",
    },
    total=False,
)


class CancelInstanceRefreshAnswer(TypedDict, total=False):
    InstanceRefreshId: str


class CancelInstanceRefreshType(TypedDict, total=False):
    AutoScalingGroupName: Required[str]
    WaitForTransitioningInstances: bool


CapacityReservationSpecification = TypedDict(
    "CapacityReservationSpecification",
    {
        "CapacityReservationPreference": "str",
        "CapacityReservationTarget": "CapacityReservationTarget",
    },
    total=False,
)


class CapacityReservationTarget(TypedDict, total=False):
    CapacityReservationIds: list[str]
    CapacityReservationResourceGroupArns: list[str]


class CompleteLifecycleActionAnswer(TypedDict, total=False):
    pass


class CompleteLifecycleActionType(TypedDict, total=False):
    LifecycleHookName: Required[str]
    AutoScalingGroupName: Required[str]
    LifecycleActionToken: str
    LifecycleActionResult: Required[str]
    InstanceId: str


class CpuPerformanceFactorRequest(TypedDict, total=False):
    References: list[PerformanceFactorReferenceRequest]


CreateAutoScalingGroupType = TypedDict(
    "CreateAutoScalingGroupType",
    {
        "AutoScalingGroupName": "Required[str]",
        "LaunchConfigurationName": "str",
        "LaunchTemplate": "LaunchTemplateSpecification",
        "MixedInstancesPolicy": "MixedInstancesPolicy",
        "InstanceId": "str",
        "MinSize": "Required[int]",
        "MaxSize": "Required[int]",
        "DesiredCapacity": "int",
        "DefaultCooldown": "int",
        "AvailabilityZones": "list[str]",
        "AvailabilityZoneIds": "list[str]",
        "LoadBalancerNames": "list[str]",
        "TargetGroupARNs": "list[str]",
        "HealthCheckType": "str",
        "HealthCheckGracePeriod": "int",
        "PlacementGroup": "str",
        "VPCZoneIdentifier": "str",
        "TerminationPolicies": "list[str]",
        "NewInstancesProtectedFromScaleIn": "bool",
        "CapacityRebalance": "bool",
        "LifecycleHookSpecificationList": "list[LifecycleHookSpecification]",
        "DeletionProtection": "str",
        "Tags": "list[Tag]",
        "ServiceLinkedRoleARN": "str",
        "MaxInstanceLifetime": "int",
        "Context": "str",
        "DesiredCapacityType": "str",
        "DefaultInstanceWarmup": "int",
        "TrafficSources": "list[TrafficSourceIdentifier]",
        "InstanceMaintenancePolicy": "InstanceMaintenancePolicy",
        "AvailabilityZoneDistribution": "AvailabilityZoneDistribution",
        "AvailabilityZoneImpairmentPolicy": "AvailabilityZoneImpairmentPolicy",
        "SkipZonalShiftValidation": "bool",
        "CapacityReservationSpecification": "CapacityReservationSpecification",
        "InstanceLifecyclePolicy": "InstanceLifecyclePolicy",
        "Operator": "Operator",
    },
    total=False,
)


CreateLaunchConfigurationType = TypedDict(
    "CreateLaunchConfigurationType",
    {
        "LaunchConfigurationName": "Required[str]",
        "ImageId": "str",
        "KeyName": "str",
        "SecurityGroups": "list[str]",
        "ClassicLinkVPCId": "str",
        "ClassicLinkVPCSecurityGroups": "list[str]",
        "UserData": "str",
        "InstanceId": "str",
        "InstanceType": "str",
        "KernelId": "str",
        "RamdiskId": "str",
        "BlockDeviceMappings": "list[BlockDeviceMapping]",
        "InstanceMonitoring": "InstanceMonitoring",
        "SpotPrice": "str",
        "IamInstanceProfile": "str",
        "EbsOptimized": "bool",
        "AssociatePublicIpAddress": "bool",
        "PlacementTenancy": "str",
        "MetadataOptions": "InstanceMetadataOptions",
    },
    total=False,
)


class CreateOrUpdateTagsType(TypedDict, total=False):
    Tags: Required[list[Tag]]


class CustomizedMetricSpecification(TypedDict, total=False):
    MetricName: str
    Namespace: str
    Dimensions: list[MetricDimension]
    Statistic: str
    Unit: str
    Period: int
    Metrics: list[TargetTrackingMetricDataQuery]


class DeleteAutoScalingGroupType(TypedDict, total=False):
    AutoScalingGroupName: Required[str]
    ForceDelete: bool


class DeleteLifecycleHookAnswer(TypedDict, total=False):
    pass


class DeleteLifecycleHookType(TypedDict, total=False):
    LifecycleHookName: Required[str]
    AutoScalingGroupName: Required[str]


class DeletePolicyType(TypedDict, total=False):
    AutoScalingGroupName: str
    PolicyName: Required[str]


class DeleteTagsType(TypedDict, total=False):
    Tags: Required[list[Tag]]


class DescribeAutoScalingInstancesType(TypedDict, total=False):
    InstanceIds: list[str]
    IncludeManagedResources: bool
    MaxRecords: int
    NextToken: str


class DescribeInstanceRefreshesAnswer(TypedDict, total=False):
    InstanceRefreshes: list[InstanceRefresh]
    NextToken: str


class DescribeInstanceRefreshesType(TypedDict, total=False):
    AutoScalingGroupName: Required[str]
    InstanceRefreshIds: list[str]
    NextToken: str
    MaxRecords: int


class DescribeLifecycleHookTypesAnswer(TypedDict, total=False):
    LifecycleHookTypes: list[str]


class DescribeLifecycleHooksAnswer(TypedDict, total=False):
    LifecycleHooks: list[LifecycleHook]


class DescribeLifecycleHooksType(TypedDict, total=False):
    AutoScalingGroupName: Required[str]
    LifecycleHookNames: list[str]


class DescribePoliciesType(TypedDict, total=False):
    AutoScalingGroupName: str
    PolicyNames: list[str]
    PolicyTypes: list[str]
    IncludeManagedResources: bool
    NextToken: str
    MaxRecords: int


class DescribeScalingActivitiesType(TypedDict, total=False):
    ActivityIds: list[str]
    AutoScalingGroupName: str
    IncludeDeletedGroups: bool
    IncludeManagedResources: bool
    MaxRecords: int
    NextToken: str
    Filters: list[Filter]


class DescribeTagsType(TypedDict, total=False):
    Filters: list[Filter]
    IncludeManagedResources: bool
    NextToken: str
    MaxRecords: int


DesiredConfiguration = TypedDict(
    "DesiredConfiguration",
    {
        "LaunchTemplate": "LaunchTemplateSpecification",
        "MixedInstancesPolicy": "MixedInstancesPolicy",
    },
    total=False,
)


class DetachInstancesAnswer(TypedDict, total=False):
    Activities: list[Activity]


class DetachInstancesQuery(TypedDict, total=False):
    InstanceIds: list[str]
    AutoScalingGroupName: Required[str]
    ShouldDecrementDesiredCapacity: Required[bool]


class DistributionSegment(TypedDict, total=False):
    TargetCapacityTypes: list[str]


class Ebs(TypedDict, total=False):
    SnapshotId: str
    VolumeSize: int
    VolumeType: str
    DeleteOnTermination: bool
    Iops: int
    Encrypted: bool
    Throughput: int


class EnabledMetric(TypedDict, total=False):
    Metric: str
    Granularity: str


class EnterStandbyAnswer(TypedDict, total=False):
    Activities: list[Activity]


class EnterStandbyQuery(TypedDict, total=False):
    InstanceIds: list[str]
    AutoScalingGroupName: Required[str]
    ShouldDecrementDesiredCapacity: Required[bool]


class ExecutePolicyType(TypedDict, total=False):
    AutoScalingGroupName: str
    PolicyName: Required[str]
    HonorCooldown: bool
    MetricValue: float
    BreachThreshold: float


class ExitStandbyAnswer(TypedDict, total=False):
    Activities: list[Activity]


class ExitStandbyQuery(TypedDict, total=False):
    InstanceIds: list[str]
    AutoScalingGroupName: Required[str]


class Filter(TypedDict, total=False):
    Name: str
    Values: list[str]


class Instance(TypedDict, total=False):
    InstanceId: Required[str]
    InstanceType: str
    AvailabilityZone: Required[str]
    AvailabilityZoneId: str
    LifecycleState: Required[str]
    HealthStatus: Required[str]
    LaunchConfigurationName: str
    LaunchTemplate: LaunchTemplateSpecification
    ImageId: str
    ProtectedFromScaleIn: Required[bool]
    WeightedCapacity: str


InstanceLifecyclePolicy = TypedDict(
    "InstanceLifecyclePolicy",
    {
        "RetentionTriggers": "RetentionTriggers",
    },
    total=False,
)


class InstanceMaintenancePolicy(TypedDict, total=False):
    MinHealthyPercentage: int
    MaxHealthyPercentage: int


class InstanceMetadataOptions(TypedDict, total=False):
    HttpTokens: str
    HttpPutResponseHopLimit: int
    HttpEndpoint: str


class InstanceMonitoring(TypedDict, total=False):
    Enabled: bool


InstanceRefresh = TypedDict(
    "InstanceRefresh",
    {
        "InstanceRefreshId": "str",
        "AutoScalingGroupName": "str",
        "Status": "str",
        "StatusReason": "str",
        "StartTime": "float",
        "EndTime": "float",
        "PercentageComplete": "int",
        "InstancesToUpdate": "int",
        "ProgressDetails": "InstanceRefreshProgressDetails",
        "Preferences": "RefreshPreferences",
        "DesiredConfiguration": "DesiredConfiguration",
        "RollbackDetails": "RollbackDetails",
        "Strategy": "str",
    },
    total=False,
)


class InstanceRefreshLivePoolProgress(TypedDict, total=False):
    PercentageComplete: int
    InstancesToUpdate: int


class InstanceRefreshProgressDetails(TypedDict, total=False):
    LivePoolProgress: InstanceRefreshLivePoolProgress
    WarmPoolProgress: InstanceRefreshWarmPoolProgress


class InstanceRefreshWarmPoolProgress(TypedDict, total=False):
    PercentageComplete: int
    InstancesToUpdate: int


class InstanceRequirements(TypedDict, total=False):
    VCpuCount: Required[VCpuCountRequest]
    MemoryMiB: Required[MemoryMiBRequest]
    CpuManufacturers: list[str]
    MemoryGiBPerVCpu: MemoryGiBPerVCpuRequest
    ExcludedInstanceTypes: list[str]
    InstanceGenerations: list[str]
    SpotMaxPricePercentageOverLowestPrice: int
    MaxSpotPriceAsPercentageOfOptimalOnDemandPrice: int
    OnDemandMaxPricePercentageOverLowestPrice: int
    BareMetal: str
    BurstablePerformance: str
    RequireHibernateSupport: bool
    NetworkInterfaceCount: NetworkInterfaceCountRequest
    LocalStorage: str
    LocalStorageTypes: list[str]
    TotalLocalStorageGB: TotalLocalStorageGBRequest
    BaselineEbsBandwidthMbps: BaselineEbsBandwidthMbpsRequest
    AcceleratorTypes: list[str]
    AcceleratorCount: AcceleratorCountRequest
    AcceleratorManufacturers: list[str]
    AcceleratorNames: list[str]
    AcceleratorTotalMemoryMiB: AcceleratorTotalMemoryMiBRequest
    NetworkBandwidthGbps: NetworkBandwidthGbpsRequest
    AllowedInstanceTypes: list[str]
    BaselinePerformanceFactors: BaselinePerformanceFactorsRequest


class InstanceReusePolicy(TypedDict, total=False):
    ReuseOnScaleIn: bool


class InstancesDistribution(TypedDict, total=False):
    OnDemandAllocationStrategy: str
    OnDemandBaseCapacity: int
    OnDemandPercentageAboveBaseCapacity: int
    SpotAllocationStrategy: str
    SpotInstancePools: int
    SpotMaxPrice: str
    DistributionSegments: list[DistributionSegment]


LaunchConfiguration = TypedDict(
    "LaunchConfiguration",
    {
        "LaunchConfigurationName": "Required[str]",
        "LaunchConfigurationARN": "str",
        "ImageId": "Required[str]",
        "KeyName": "str",
        "SecurityGroups": "list[str]",
        "ClassicLinkVPCId": "str",
        "ClassicLinkVPCSecurityGroups": "list[str]",
        "UserData": "str",
        "InstanceType": "Required[str]",
        "KernelId": "str",
        "RamdiskId": "str",
        "BlockDeviceMappings": "list[BlockDeviceMapping]",
        "InstanceMonitoring": "InstanceMonitoring",
        "SpotPrice": "str",
        "IamInstanceProfile": "str",
        "CreatedTime": "Required[float]",
        "EbsOptimized": "bool",
        "AssociatePublicIpAddress": "bool",
        "PlacementTenancy": "str",
        "MetadataOptions": "InstanceMetadataOptions",
    },
    total=False,
)


class LaunchConfigurationNameType(TypedDict, total=False):
    LaunchConfigurationName: Required[str]


class LaunchConfigurationNamesType(TypedDict, total=False):
    LaunchConfigurationNames: list[str]
    NextToken: str
    MaxRecords: int


class LaunchConfigurationsType(TypedDict, total=False):
    LaunchConfigurations: Required[list[LaunchConfiguration]]
    NextToken: str


LaunchTemplate = TypedDict(
    "LaunchTemplate",
    {
        "LaunchTemplateSpecification": "LaunchTemplateSpecification",
        "Overrides": "list[LaunchTemplateOverrides]",
    },
    total=False,
)


LaunchTemplateOverrides = TypedDict(
    "LaunchTemplateOverrides",
    {
        "InstanceType": "str",
        "WeightedCapacity": "str",
        "LaunchTemplateSpecification": "LaunchTemplateSpecification",
        "InstanceRequirements": "InstanceRequirements",
        "ImageId": "str",
    },
    total=False,
)


class LaunchTemplateSpecification(TypedDict, total=False):
    LaunchTemplateId: str
    LaunchTemplateName: str
    Version: str


class LifecycleHook(TypedDict, total=False):
    LifecycleHookName: str
    AutoScalingGroupName: str
    LifecycleTransition: str
    NotificationTargetARN: str
    RoleARN: str
    NotificationMetadata: str
    HeartbeatTimeout: int
    GlobalTimeout: int
    DefaultResult: str


class LifecycleHookSpecification(TypedDict, total=False):
    LifecycleHookName: Required[str]
    LifecycleTransition: Required[str]
    NotificationMetadata: str
    HeartbeatTimeout: int
    DefaultResult: str
    NotificationTargetARN: str
    RoleARN: str


class MemoryGiBPerVCpuRequest(TypedDict, total=False):
    Min: float
    Max: float


class MemoryMiBRequest(TypedDict, total=False):
    Min: Required[int]
    Max: int


class Metric(TypedDict, total=False):
    Namespace: Required[str]
    MetricName: Required[str]
    Dimensions: list[MetricDimension]


MetricDataQuery = TypedDict(
    "MetricDataQuery",
    {
        "Id": "Required[str]",
        "Expression": "str",
        "MetricStat": "MetricStat",
        "Label": "str",
        "ReturnData": "bool",
    },
    total=False,
)


class MetricDimension(TypedDict, total=False):
    Name: Required[str]
    Value: Required[str]


MetricStat = TypedDict(
    "MetricStat",
    {
        "Metric": "Required[Metric]",
        "Stat": "Required[str]",
        "Unit": "str",
    },
    total=False,
)


MixedInstancesPolicy = TypedDict(
    "MixedInstancesPolicy",
    {
        "LaunchTemplate": "LaunchTemplate",
        "InstancesDistribution": "InstancesDistribution",
    },
    total=False,
)


class NetworkBandwidthGbpsRequest(TypedDict, total=False):
    Min: float
    Max: float


class NetworkInterfaceCountRequest(TypedDict, total=False):
    Min: int
    Max: int


class Operator(TypedDict, total=False):
    Principal: Required[str]


class PerformanceFactorReferenceRequest(TypedDict, total=False):
    InstanceFamily: str


class PoliciesType(TypedDict, total=False):
    ScalingPolicies: list[ScalingPolicy]
    NextToken: str


class PolicyARNType(TypedDict, total=False):
    PolicyARN: str
    Alarms: list[Alarm]


class PredefinedMetricSpecification(TypedDict, total=False):
    PredefinedMetricType: Required[str]
    ResourceLabel: str


class PredictiveScalingConfiguration(TypedDict, total=False):
    MetricSpecifications: Required[list[PredictiveScalingMetricSpecification]]
    Mode: str
    SchedulingBufferTime: int
    MaxCapacityBreachBehavior: str
    MaxCapacityBuffer: int


class PredictiveScalingCustomizedCapacityMetric(TypedDict, total=False):
    MetricDataQueries: Required[list[MetricDataQuery]]


class PredictiveScalingCustomizedLoadMetric(TypedDict, total=False):
    MetricDataQueries: Required[list[MetricDataQuery]]


class PredictiveScalingCustomizedScalingMetric(TypedDict, total=False):
    MetricDataQueries: Required[list[MetricDataQuery]]


class PredictiveScalingMetricSpecification(TypedDict, total=False):
    TargetValue: Required[float]
    PredefinedMetricPairSpecification: PredictiveScalingPredefinedMetricPair
    PredefinedScalingMetricSpecification: PredictiveScalingPredefinedScalingMetric
    PredefinedLoadMetricSpecification: PredictiveScalingPredefinedLoadMetric
    CustomizedScalingMetricSpecification: PredictiveScalingCustomizedScalingMetric
    CustomizedLoadMetricSpecification: PredictiveScalingCustomizedLoadMetric
    CustomizedCapacityMetricSpecification: PredictiveScalingCustomizedCapacityMetric


class PredictiveScalingPredefinedLoadMetric(TypedDict, total=False):
    PredefinedMetricType: Required[str]
    ResourceLabel: str


class PredictiveScalingPredefinedMetricPair(TypedDict, total=False):
    PredefinedMetricType: Required[str]
    ResourceLabel: str


class PredictiveScalingPredefinedScalingMetric(TypedDict, total=False):
    PredefinedMetricType: Required[str]
    ResourceLabel: str


class ProcessType(TypedDict, total=False):
    ProcessName: Required[str]


class ProcessesType(TypedDict, total=False):
    Processes: list[ProcessType]


class PutLifecycleHookAnswer(TypedDict, total=False):
    pass


class PutLifecycleHookType(TypedDict, total=False):
    LifecycleHookName: Required[str]
    AutoScalingGroupName: Required[str]
    LifecycleTransition: str
    RoleARN: str
    NotificationTargetARN: str
    NotificationMetadata: str
    HeartbeatTimeout: int
    DefaultResult: str


PutScalingPolicyType = TypedDict(
    "PutScalingPolicyType",
    {
        "AutoScalingGroupName": "Required[str]",
        "PolicyName": "Required[str]",
        "PolicyType": "str",
        "AdjustmentType": "str",
        "MinAdjustmentStep": "int",
        "MinAdjustmentMagnitude": "int",
        "ScalingAdjustment": "int",
        "Cooldown": "int",
        "MetricAggregationType": "str",
        "StepAdjustments": "list[StepAdjustment]",
        "EstimatedInstanceWarmup": "int",
        "TargetTrackingConfiguration": "TargetTrackingConfiguration",
        "Enabled": "bool",
        "PredictiveScalingConfiguration": "PredictiveScalingConfiguration",
    },
    total=False,
)


class RecordLifecycleActionHeartbeatAnswer(TypedDict, total=False):
    pass


class RecordLifecycleActionHeartbeatType(TypedDict, total=False):
    LifecycleHookName: Required[str]
    AutoScalingGroupName: Required[str]
    LifecycleActionToken: str
    InstanceId: str


RefreshPreferences = TypedDict(
    "RefreshPreferences",
    {
        "MinHealthyPercentage": "int",
        "InstanceWarmup": "int",
        "CheckpointPercentages": "list[int]",
        "CheckpointDelay": "int",
        "SkipMatching": "bool",
        "AutoRollback": "bool",
        "ScaleInProtectedInstances": "str",
        "StandbyInstances": "str",
        "AlarmSpecification": "AlarmSpecification",
        "MaxHealthyPercentage": "int",
        "BakeTime": "int",
    },
    total=False,
)


class RetentionTriggers(TypedDict, total=False):
    TerminateHookAbandon: str


class RollbackDetails(TypedDict, total=False):
    RollbackReason: str
    RollbackStartTime: float
    PercentageCompleteOnRollback: int
    InstancesToUpdateOnRollback: int
    ProgressDetailsOnRollback: InstanceRefreshProgressDetails


ScalingPolicy = TypedDict(
    "ScalingPolicy",
    {
        "AutoScalingGroupName": "str",
        "PolicyName": "str",
        "PolicyARN": "str",
        "PolicyType": "str",
        "AdjustmentType": "str",
        "MinAdjustmentStep": "int",
        "MinAdjustmentMagnitude": "int",
        "ScalingAdjustment": "int",
        "Cooldown": "int",
        "StepAdjustments": "list[StepAdjustment]",
        "MetricAggregationType": "str",
        "EstimatedInstanceWarmup": "int",
        "Alarms": "list[Alarm]",
        "TargetTrackingConfiguration": "TargetTrackingConfiguration",
        "Enabled": "bool",
        "PredictiveScalingConfiguration": "PredictiveScalingConfiguration",
    },
    total=False,
)


class ScalingProcessQuery(TypedDict, total=False):
    AutoScalingGroupName: Required[str]
    ScalingProcesses: list[str]


class SetDesiredCapacityType(TypedDict, total=False):
    AutoScalingGroupName: Required[str]
    DesiredCapacity: Required[int]
    HonorCooldown: bool


class SetInstanceHealthQuery(TypedDict, total=False):
    InstanceId: Required[str]
    HealthStatus: Required[str]
    ShouldRespectGracePeriod: bool


class SetInstanceProtectionAnswer(TypedDict, total=False):
    pass


class SetInstanceProtectionQuery(TypedDict, total=False):
    InstanceIds: Required[list[str]]
    AutoScalingGroupName: Required[str]
    ProtectedFromScaleIn: Required[bool]


class StartInstanceRefreshAnswer(TypedDict, total=False):
    InstanceRefreshId: str


StartInstanceRefreshType = TypedDict(
    "StartInstanceRefreshType",
    {
        "AutoScalingGroupName": "Required[str]",
        "Strategy": "str",
        "DesiredConfiguration": "DesiredConfiguration",
        "Preferences": "RefreshPreferences",
    },
    total=False,
)


class StepAdjustment(TypedDict, total=False):
    MetricIntervalLowerBound: float
    MetricIntervalUpperBound: float
    ScalingAdjustment: Required[int]


class SuspendedProcess(TypedDict, total=False):
    ProcessName: str
    SuspensionReason: str


class Tag(TypedDict, total=False):
    ResourceId: str
    ResourceType: str
    Key: Required[str]
    Value: str
    PropagateAtLaunch: bool


class TagDescription(TypedDict, total=False):
    ResourceId: str
    ResourceType: str
    Key: str
    Value: str
    PropagateAtLaunch: bool


class TagsType(TypedDict, total=False):
    Tags: list[TagDescription]
    NextToken: str


TargetTrackingConfiguration = TypedDict(
    "TargetTrackingConfiguration",
    {
        "PredefinedMetricSpecification": "PredefinedMetricSpecification",
        "CustomizedMetricSpecification": "CustomizedMetricSpecification",
        "TargetValue": "Required[float]",
        "DisableScaleIn": "bool",
    },
    total=False,
)


class TargetTrackingMetricDataQuery(TypedDict, total=False):
    Id: Required[str]
    Expression: str
    MetricStat: TargetTrackingMetricStat
    Label: str
    Period: int
    ReturnData: bool


TargetTrackingMetricStat = TypedDict(
    "TargetTrackingMetricStat",
    {
        "Metric": "Required[Metric]",
        "Stat": "Required[str]",
        "Unit": "str",
        "Period": "int",
    },
    total=False,
)


class TerminateInstanceInAutoScalingGroupType(TypedDict, total=False):
    InstanceId: str
    InstanceIds: list[str]
    AutoScalingGroupName: str
    ShouldDecrementDesiredCapacity: Required[bool]


class TotalLocalStorageGBRequest(TypedDict, total=False):
    Min: float
    Max: float


class TrafficSourceIdentifier(TypedDict, total=False):
    Identifier: Required[str]
    Type: str


UpdateAutoScalingGroupType = TypedDict(
    "UpdateAutoScalingGroupType",
    {
        "AutoScalingGroupName": "Required[str]",
        "LaunchConfigurationName": "str",
        "LaunchTemplate": "LaunchTemplateSpecification",
        "MixedInstancesPolicy": "MixedInstancesPolicy",
        "MinSize": "int",
        "MaxSize": "int",
        "DesiredCapacity": "int",
        "DefaultCooldown": "int",
        "AvailabilityZones": "list[str]",
        "AvailabilityZoneIds": "list[str]",
        "HealthCheckType": "str",
        "HealthCheckGracePeriod": "int",
        "PlacementGroup": "str",
        "VPCZoneIdentifier": "str",
        "TerminationPolicies": "list[str]",
        "NewInstancesProtectedFromScaleIn": "bool",
        "ServiceLinkedRoleARN": "str",
        "MaxInstanceLifetime": "int",
        "CapacityRebalance": "bool",
        "Context": "str",
        "DesiredCapacityType": "str",
        "DefaultInstanceWarmup": "int",
        "InstanceMaintenancePolicy": "InstanceMaintenancePolicy",
        "AvailabilityZoneDistribution": "AvailabilityZoneDistribution",
        "AvailabilityZoneImpairmentPolicy": "AvailabilityZoneImpairmentPolicy",
        "SkipZonalShiftValidation": "bool",
        "CapacityReservationSpecification": "CapacityReservationSpecification",
        "InstanceLifecyclePolicy": "InstanceLifecyclePolicy",
        "DeletionProtection": "str",
    },
    total=False,
)


class VCpuCountRequest(TypedDict, total=False):
    Min: Required[int]
    Max: int


WarmPoolConfiguration = TypedDict(
    "WarmPoolConfiguration",
    {
        "MaxGroupPreparedCapacity": "int",
        "MinSize": "int",
        "PoolState": "str",
        "Status": "str",
        "InstanceReusePolicy": "InstanceReusePolicy",
    },
    total=False,
)
